import type { Service } from "#model/service.ts";

/** Services with aliases by their names in one text, so that the same ones stay the same object. */
const withAliases = new WeakMap<Service, Map<string, Service>>();

/**
 * ExternalName services whose target is a service of the mesh stand for it: they become more names of the target, and have no
 * clusters of their own. Others stay. Istio: resolveServiceAliases.
 */
export function resolveAliases(services: readonly Service[]): readonly Service[] {
  const targets = new Map<string, string>();
  const concrete = new Set<string>();
  for (const { hostname, externalName } of services) {
    if (externalName === undefined) concrete.add(hostname);
    else targets.set(hostname, externalName);
  }
  if (targets.size === 0) return services;
  const aliases = new Map<string, string[]>();
  for (const alias of targets.keys()) {
    const target = follow(alias, targets);
    if (target === undefined || !concrete.has(target)) continue;
    aliases.set(target, [...(aliases.get(target) ?? []), alias]);
  }
  const resolved = new Set([...aliases.values()].flat());
  return services
    .filter(({ hostname, externalName }) => externalName === undefined || !resolved.has(hostname))
    .map((service) => named(service, aliases.get(service.hostname)));
}

/** The end of a chain of aliases; `undefined` for one that goes round in a circle. */
function follow(alias: string, targets: ReadonlyMap<string, string>): string | undefined {
  const seen = new Set<string>();
  let target: string = alias;
  for (let next = targets.get(target); next !== undefined; next = targets.get(target)) {
    if (seen.has(target)) return undefined;
    seen.add(target);
    target = next;
  }
  return target;
}

function named(service: Service, aliases: readonly string[] | undefined): Service {
  if (aliases === undefined) return service;
  const known = withAliases.get(service) ?? new Map<string, Service>();
  withAliases.set(service, known);
  const key = aliases.join(" ");
  const result = known.get(key) ?? Object.freeze({ ...service, aliases });
  known.set(key, result);
  return result;
}
