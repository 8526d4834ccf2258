import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import type { Call, Failure, Result } from "../simulation/call.ts";
import { simulate } from "../simulation/simulate.ts";
import { inputCases } from "./simulation/inputs.ts";
import { type ProxyOptions, proxyOf, skipOf } from "./simulation/mesh.ts";
import { checkSidecarRoutes, type SidecarRoutes, sidecarRoutesInput } from "./simulation/sidecar-routes.ts";
import type { AcceptCase } from "./suite.ts";
import { type Item, inputOf, parseItems } from "./xds/mesh.ts";
import { wholeConfig } from "./xds/proxy-config.ts";

type Wanted = Omit<Result, "error"> & { readonly error?: { readonly error: Failure }; readonly strictMatch?: boolean };

interface Case {
  readonly test: string;
  readonly name: string;
  readonly proxy: ProxyOptions;
  readonly config?: string;
  readonly kubeConfig?: string;
  readonly skipValidation?: boolean;
  readonly calls?: readonly { readonly name?: string; readonly call: Call; readonly result: Wanted }[];
  readonly call?: Call;
}

interface Expectations {
  readonly fixture: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}

/** Modes of a mesh-wide PeerAuthentication, and the field of `TestInbound` with the result. */
const modes = { disabled: "DISABLE", permissive: "PERMISSIVE", strict: "STRICT" } as const;

/** Calls at the listeners and routes of one proxy. */
export default async function simulation(folder: string): Promise<readonly AcceptCase[]> {
  const { fixture, cases } = JSON.parse(readFileSync(join(folder, "expectations.json"), "utf8")) as Expectations;
  const simulated = cases.flatMap((one): readonly AcceptCase[] => {
    const shared = parseItems(fixture[one.test] ?? "");
    if (one.test === "TestInbound") return inbound(one, shared);
    if (one.test === "TestSidecarRoutes") return [sidecarRoutes(one as Case & SidecarRoutes, shared)];
    const items = [...shared, ...parseItems(one.config ?? ""), ...parseItems(one.kubeConfig ?? "")];
    return [plain(one, items)];
  });
  return [...simulated, ...inputCases(join(folder, "inputs"))];
}

function plain(one: Case, items: readonly Item[]): AcceptCase {
  const skip = one.skipValidation
    ? "the case wants configuration that Envoy refuses; here the younger of two servers that clash is left out"
    : skipOf(items);
  return {
    name: `${one.test}/${one.name}`,
    ...(skip === undefined ? {} : { skip }),
    run: () => {
      for (const { name, call, result } of one.calls ?? []) check(one.proxy, items, call, result, name ?? "");
    },
  };
}

function inbound(one: Case, items: readonly Item[]): AcceptCase[] {
  return Object.entries(modes).map(([field, mode]) => {
    const policy = {
      kind: "PeerAuthentication",
      apiVersion: "security.istio.io/v1",
      metadata: { name: "default", namespace: "istio-system" },
      spec: { mtls: { mode } },
    };
    const all = [...items, policy];
    const skip = skipOf(all);
    return {
      name: `${one.test}/${one.name}/${field}`,
      ...(skip === undefined ? {} : { skip }),
      run: () => {
        assert.ok(one.call);
        check(one.proxy, all, one.call, (one as unknown as Record<string, Wanted>)[field] ?? {}, field);
      },
    };
  });
}

function sidecarRoutes(one: Case & SidecarRoutes, shared: readonly Item[]): AcceptCase {
  const items = [...shared, ...sidecarRoutesInput(one)];
  const skip = skipOf(items);
  return {
    name: `${one.test}/${one.name}`,
    ...(skip === undefined ? {} : { skip }),
    run: () => {
      checkSidecarRoutes(one, wholeConfig(proxyView(snapshotOf(items), proxyOf(one.proxy))).routes);
    },
  };
}

function snapshotOf(items: readonly Item[]): Snapshot {
  return buildSnapshot(undefined, inputOf(items), {});
}

function check(options: ProxyOptions, items: readonly Item[], call: Call, wanted: Wanted, name: string): void {
  const snapshot = snapshotOf(items);
  const config = wholeConfig(proxyView(snapshot, proxyOf(options)));
  const { error, ...got } = simulate(config, options.type, call);
  const { error: wantedError, strictMatch = false, ...want } = wanted;
  const seen: Record<string, string | undefined> = { ...got };
  if (got.clusterMatched !== undefined) seen["clusterMatched"] = upstreamName(got.clusterMatched, snapshot);
  const compared = strictMatch ? seen : Object.fromEntries(Object.keys(want).map((key) => [key, seen[key]]));
  assert.deepEqual({ error, ...compared }, { error: wantedError?.error, ...want }, name);
}

/** Upstream makes a host that no service has full with its namespace alone. */
function upstreamName(cluster: string, { services }: Snapshot): string {
  const host = cluster.split("|")[3] ?? "";
  return services.some(({ hostname }) => hostname === host) ? cluster : cluster.replace(/\.svc\.cluster\.local$/, "");
}
