import type { ServiceTable } from "./service-table.ts";

/**
 * The nft commands that turn one state into another, for one transaction; empty when nothing changed. Only what
 * differs is named, so an endpoint that comes or goes costs one rule whatever the size of the cluster.
 */
export function tableUpdate(table: string, before: ServiceTable, after: ServiceTable): string {
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);

  for (const [name, seconds] of after.affinitySets)
    if (!before.affinitySets.has(name))
      say(`add set ip ${table} ${name} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; }`);
  const changed = [...after.chains].filter(([name, rules]) => !sameRules(before.chains.get(name), rules));
  // All chains first: rules go from one to another.
  for (const [name] of changed) if (!before.chains.has(name)) say(`add chain ip ${table} ${name}`);
  for (const [name, rules] of changed) {
    if (before.chains.has(name)) say(`flush chain ip ${table} ${name}`);
    for (const rule of rules) say(`add rule ip ${table} ${name} ${rule}`);
  }
  updateMap("services", before.services, after.services);
  updateMap("node-ports", before.nodePorts, after.nodePorts);
  updateEndpoints();
  const gone = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of gone) say(`flush chain ip ${table} ${name}`);
  for (const name of gone) say(`delete chain ip ${table} ${name}`);
  for (const name of before.affinitySets.keys())
    if (!after.affinitySets.has(name)) say(`delete set ip ${table} ${name}`);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;

  function updateMap(map: string, old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): void {
    const out = [...old].filter(([key, chain]) => now.get(key) !== chain);
    const into = [...now].filter(([key, chain]) => old.get(key) !== chain);
    if (out.length > 0)
      say(`delete element ip ${table} ${map} { ${out.map(([key, chain]) => `${key} : goto ${chain}`).join(", ")} }`);
    if (into.length > 0)
      say(`add element ip ${table} ${map} { ${into.map(([key, chain]) => `${key} : goto ${chain}`).join(", ")} }`);
  }

  function updateEndpoints(): void {
    const pair = (ip: string) => `${ip} . ${ip}`;
    const out = [...before.endpoints].filter((ip) => !after.endpoints.has(ip));
    const into = [...after.endpoints].filter((ip) => !before.endpoints.has(ip));
    if (out.length > 0) say(`delete element ip ${table} endpoints { ${out.map(pair).join(", ")} }`);
    if (into.length > 0) say(`add element ip ${table} endpoints { ${into.map(pair).join(", ")} }`);
  }
}

function sameRules(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((rule, index) => rule === b[index]);
}
