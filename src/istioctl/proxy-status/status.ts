import { UsageError } from "../usage-error.ts";

/** One proxy as istiod's `/debug/syncz` tells it; only what is shown. */
export interface ProxyStatus {
  readonly cluster: string;
  /** `POD.NAMESPACE`. */
  readonly proxy: string;
  readonly proxy_version: string;
  /** By type (`CDS` …): `SYNCED`, `STALE`, `ERROR` or `NOT SENT`. */
  readonly state: Readonly<Record<string, string>>;
  /** By type: what the proxy rejected, and its words. */
  readonly errors: Readonly<Record<string, { readonly resources: readonly string[]; readonly message: string }>>;
  /** The istiod pod that it is connected to. */
  readonly istiod: string;
}

const types = ["CDS", "LDS", "EDS", "RDS", "ECDS"] as const;

/** Reads `/debug/syncz` of one istiod pod. Throws {@link UsageError} for anything else. */
export function parseStatuses(body: string, istiod: string): ProxyStatus[] {
  try {
    return (JSON.parse(body) as Omit<ProxyStatus, "istiod">[]).map((status) => ({ ...status, istiod }));
  } catch (cause) {
    throw new UsageError(`istiod ${istiod} answered /debug/syncz with something else than JSON`, { cause });
  }
}

/** Header and a row for each proxy, by name. */
export function statusRows(statuses: readonly ProxyStatus[]): string[][] {
  const rows = statuses
    .toSorted((one, other) => (one.proxy < other.proxy ? -1 : 1))
    .map((status) => [
      status.proxy,
      status.cluster,
      ...types.map((type) => status.state[type] ?? "IGNORED"),
      status.istiod,
      status.proxy_version,
    ]);
  return [["NAME", "CLUSTER", ...types, "ISTIOD", "VERSION"], ...rows];
}

/** A line for everything that a proxy rejected, in the proxy's words. */
export function rejections(statuses: readonly ProxyStatus[]): string[] {
  return statuses.flatMap(({ proxy, errors }) =>
    Object.entries(errors).map(
      ([type, { resources, message }]) =>
        `${proxy} rejected ${type} ${resources.join(", ")}; it goes on with what it had: ${message}`,
    ),
  );
}
