import assert from "node:assert/strict";
import { fromBinary, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import {
  type Route,
  RouteAction_RequestMirrorPolicySchema,
  RouteSchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { HTTPFaultSchema } from "#api/envoy/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { MetadataMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { HTTPFaultInjection, VirtualService } from "#api/istio/virtual-service.ts";
import { faultConfig } from "#envoy/filters/fault.ts";
import { catchAllLast, isCatchAllRoute } from "#envoy/routes/match.ts";
import { httpRoutes, type RouteContext } from "#envoy/routes/route.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { resolveVirtualService } from "#snapshot/virtual-services.ts";
import type { Row, RowCheck } from "./row.ts";

const route = [{ destination: { host: "reviews" } }];

function context(namespace: string): RouteContext {
  return {
    port: 8080,
    gateways: new Set(["mesh"]),
    proxyLabels: {},
    proxyNamespace: namespace,
    lookup: () => undefined,
    serviceOf: () => undefined,
    policyOf: () => undefined,
    tls: false,
    mesh: defaultMeshConfig,
  };
}

function built(http: object, namespace = "namespace"): readonly Route[] {
  const source = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "a", namespace: "namespace" },
    spec: { hosts: ["a"], http: [{ route, ...http }] },
  } satisfies VirtualService;
  return httpRoutes(resolveVirtualService(source, "cluster.local", defaultMeshConfig), context(namespace));
}

function mirrorOf(http: object): JsonObject | null {
  const action = built(http)[0]?.action;
  const policy = action?.case === "route" ? action.value.requestMirrorPolicies[0] : undefined;
  return policy === undefined ? null : (toJson(RouteAction_RequestMirrorPolicySchema, policy) as JsonObject);
}

/** Fields of upstream's older API whose form differs. */
function parsed({ match, ...others }: JsonObject): Route {
  const { headers: given, ...rest } = (match ?? {}) as JsonObject;
  const headers = ((given ?? []) as JsonObject[]).map(({ exactMatch, ...header }) =>
    exactMatch === undefined ? header : { ...header, stringMatch: { exact: exactMatch } },
  );
  return fromJson(RouteSchema, { ...others, match: { ...rest, headers } });
}

const destination = { host: "service.namespace.svc.cluster.local", port: { number: 8080 } };

function share(want: unknown): unknown {
  return want === null ? null : ((want as JsonObject)["defaultValue"] ?? null);
}

function checkMirror(http: object, want: unknown): void {
  const fraction = mirrorOf(http)?.["runtimeFraction"] as JsonObject | undefined;
  const expected = share(want) as JsonObject | null;
  // HUNDRED is the default, and left out.
  if (expected?.["denominator"] === "HUNDRED") delete expected["denominator"];
  assert.deepEqual(fraction?.["defaultValue"] ?? null, expected);
}

export const routeRows: Readonly<Record<string, RowCheck>> = {
  TestIsCatchAllRoute: ({ route: given, want }) => assert.equal(isCatchAllRoute(parsed(given as JsonObject)), want),
  TestSortVHostRoutes: ({ in: given, expected }) =>
    assert.deepEqual(catchAllLast((given as JsonObject[]).map(parsed)), (expected as JsonObject[]).map(parsed)),
  TestMirrorPercent: ({ route: given, want }) => checkMirror({ ...(given as object), mirror: destination }, want),
  TestMirrorPercentByPolicy: ({ policy, want }) =>
    checkMirror({ mirrors: [{ ...(policy as object), destination }] }, want),
  TestTranslateRequestMirrorPolicy: ({ want }) => {
    const got = mirrorOf({ mirror: destination, mirrorPercent: 50 });
    const { runtimeFraction, ...others } = want as JsonObject;
    assert.deepEqual(
      { ...got, runtimeFraction },
      {
        ...others,
        runtimeFraction,
      },
    );
    checkMirror({ mirror: destination, mirrorPercent: 50 }, runtimeFraction);
  },
  TestSourceMatchHTTP: ({ args, want }) => {
    const { match, proxyNamespace } = args as Row;
    assert.equal(built({ match: [match] }, String(proxyNamespace)).length > 0, want);
  },
  TestTranslateMetadataMatch: ({ name, in: value, want = [] }) => {
    const match = built({ match: [{ headers: { [String(name)]: value } }] })[0]?.match;
    assert.deepEqual(
      match?.dynamicMetadata.map((one) => toJson(MetadataMatcherSchema, one)),
      want,
    );
  },
  TestTranslateFault: ({ fault, want }) => {
    const config = faultConfig(fault as HTTPFaultInjection);
    assert.ok(config);
    const got = toJson(HTTPFaultSchema, fromBinary(HTTPFaultSchema, config.value));
    assert.deepEqual(got, want);
  },
};
