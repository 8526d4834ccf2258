import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Item } from "../xds/mesh.ts";

/** A case of `TestSidecarRoutes`: rules and scopes, and what a route table says of some hosts. */
export interface SidecarRoutes {
  readonly cfg: readonly RuleOrScope[];
  readonly routeName: string;
  /** Clusters by domain; null for none, and null in all for no table. */
  readonly expected: Readonly<Record<string, readonly string[] | null>> | null;
}

interface RuleOrScope {
  readonly namespace: string;
  readonly match?: string;
  readonly matches?: readonly string[];
  readonly dest?: string;
  readonly port?: number;
  readonly portMatch?: number;
  readonly time?: string;
  readonly egress?: readonly string[];
}

export function sidecarRoutesInput({ cfg }: SidecarRoutes): readonly Item[] {
  return cfg.map((one, index) => {
    const metadata = {
      name: String(index).padStart(3, "0"),
      namespace: one.namespace,
      creationTimestamp: one.time ?? "2020-01-01T00:00:00Z",
    };
    if (one.egress !== undefined) {
      return { kind: "Sidecar", metadata, spec: { egress: [{ hosts: one.egress }] } } as Item;
    }
    const match = one.portMatch === undefined ? {} : { match: [{ port: one.portMatch }] };
    const destination = { host: one.dest, ...(one.port === undefined ? {} : { port: { number: one.port } }) };
    const hosts = one.matches ?? [one.match];
    return {
      kind: "VirtualService",
      metadata,
      spec: { hosts, http: [{ ...match, route: [{ destination }] }] },
    } as Item;
  });
}

export function checkSidecarRoutes(
  { routeName, expected }: SidecarRoutes,
  tables: ReadonlyMap<string, JsonObject>,
): void {
  const hosts = (tables.get(routeName)?.["virtualHosts"] ?? []) as JsonObject[];
  const got = new Map<string, readonly unknown[]>();
  for (const host of hosts) {
    const clusters = ((host["routes"] ?? []) as JsonObject[]).map((route) => (route["route"] as JsonObject)["cluster"]);
    for (const domain of host["domains"] as string[]) got.set(domain, clusters);
  }
  for (const [domain, clusters] of Object.entries(expected ?? {})) {
    assert.deepEqual(got.get(domain) ?? null, clusters, domain);
  }
}
