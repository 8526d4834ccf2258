import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { RouteSchema, VirtualHostSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import type { ClusterMatch, PatchContext, PatchMatch } from "#api/istio/envoy-filter.ts";
import { matchesCluster } from "#envoy/envoy-filter/clusters.ts";
import { matchesHost, matchesRoute, matchesTable } from "#envoy/envoy-filter/route-match.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import type { AcceptCase } from "./suite.ts";

interface Args {
  readonly cp?: { readonly match?: PatchMatch };
  readonly matchCondition?: { readonly cluster?: ClusterMatch };
  readonly patchContext?: PatchContext;
  readonly cluster?: { readonly name: string };
  readonly vh?: JsonObject;
  readonly rc?: JsonObject;
  readonly httpRoute?: JsonObject;
  readonly portMap?: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

interface Table {
  readonly tests: readonly {
    readonly test: string;
    readonly cases: readonly { readonly name: string; readonly args: Args; readonly want: boolean }[];
  }[];
}

/** Whether the match of a patch takes a thing, by the name of Istio's function. */
const functions: Readonly<Record<string, (args: Args, patch: Patch) => boolean>> = {
  Test_clusterMatch: ({ cluster }, patch) => matchesCluster(cluster?.name ?? "", patch, []),
  Test_virtualHostMatch: ({ vh = {} }, patch) => matchesHost(fromJson(VirtualHostSchema, vh), patch),
  Test_routeConfigurationMatch: ({ rc = {}, patchContext = "SIDECAR_OUTBOUND", portMap = {} }, patch) =>
    matchesTable(fromJson(RouteConfigurationSchema, rc), patch, patchContext, portNumbers(portMap)),
  Test_routeMatch: ({ httpRoute = {} }, patch) => matchesRoute(fromJson(RouteSchema, httpRoute), patch),
};

export default async function envoyFilter(folder: string): Promise<readonly AcceptCase[]> {
  const { tests } = JSON.parse(readFileSync(join(folder, "patch.json"), "utf8")) as Table;
  return tests.flatMap(({ test, cases }) =>
    cases.map(({ name, args, want }) => ({
      name: `${test}/${name}`,
      run() {
        const call = functions[test];
        assert.ok(call, `${test} has no counterpart here`);
        const match = args.cp?.match ?? args.matchCondition ?? {};
        assert.equal(call(args, patchWith(match)), want);
      },
    })),
  );
}

function patchWith(match: PatchMatch): Patch {
  return {
    applyTo: "CLUSTER",
    operation: "MERGE",
    match,
    value: undefined,
    filterClass: "UNSPECIFIED",
    source: "/apis/networking.istio.io/v1alpha3/namespaces/default/envoy-filter/case",
  };
}

function portNumbers(map: NonNullable<Args["portMap"]>): ReadonlyMap<number, ReadonlySet<number>> {
  return new Map(
    Object.entries(map).map(([port, numbers]) => [Number(port), new Set(Object.keys(numbers).map(Number))]),
  );
}
