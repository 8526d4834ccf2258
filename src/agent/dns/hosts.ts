import { isIPv4, isIPv6 } from "node:net";
import type { NameInfo } from "./name-table.ts";

/** The addresses of a name that the mesh knows, and the name they are of where that is another. */
interface HostFound {
  readonly name: string;
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

export interface Hosts {
  readonly size: number;
  /** Names in small letters, without the dot at the end. Undefined for names that the mesh doesn't know. */
  find(name: string): HostFound | undefined;
}

export interface HostsSetting {
  /** The workload's namespace, and the domain of its cluster, such as `svc.cluster.local`. */
  readonly namespace: string;
  readonly domain: string;
  /** Search domains of the workload's resolver: it tries them before the name itself. */
  readonly search: readonly string[];
}

/** The names of a table, with the short ones that Kubernetes' services have. Istio: LocalDNSServer.BuildAlternateHosts. */
export function createHosts(table: ReadonlyMap<string, NameInfo>, setting: HostsSetting): Hosts {
  const addresses = new Map<string, HostFound>();
  for (const [hostname, info] of table) {
    const found = {
      name: hostname,
      v4: info.ips.filter((ip) => isIPv4(ip)),
      v6: info.ips.filter((ip) => isIPv6(ip)),
    };
    if (found.v4.length + found.v6.length === 0) continue;
    for (const name of namesOf(hostname, info, setting)) {
      // A name of its own comes before another's short one.
      if (name === hostname || (!addresses.has(name) && !table.has(name))) addresses.set(name, found);
    }
  }
  const patterns = [...addresses.keys()].some((name) => name.startsWith("*."));
  const direct = (name: string): HostFound | undefined => {
    const exact = addresses.get(name);
    if (exact !== undefined) return { ...exact, name };
    if (!patterns) return undefined;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const pattern = addresses.get(`*${name.slice(dot)}`);
      if (pattern !== undefined) return { ...pattern, name };
    }
    return undefined;
  };
  return {
    size: addresses.size,
    find(name) {
      const [first] = setting.search;
      // The resolver's first guess at a name that is whole already: answering it saves the others.
      const guessed = first !== undefined && name.endsWith(`.${first}`) ? name.slice(0, -first.length - 1) : undefined;
      const own = direct(name);
      if (own !== undefined && addresses.has(name)) return own;
      const meant = guessed === undefined ? undefined : direct(guessed);
      return meant ?? own;
    },
  };
}

function namesOf(hostname: string, { registry, shortname, namespace }: NameInfo, setting: HostsSetting): string[] {
  if (registry !== "Kubernetes" || !hostname.endsWith(`.${setting.domain}`)) return [hostname];
  const [svc = "svc"] = setting.domain.split(".");
  return [
    hostname,
    `${shortname}.${namespace}`,
    `${shortname}.${namespace}.${svc}`,
    ...(namespace === setting.namespace ? [shortname] : []),
  ];
}
