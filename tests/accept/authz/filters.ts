import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescMessage, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import { parse, parseAllDocuments } from "yaml";
import { FilterSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { HttpFilterSchema } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import { readMeshConfig } from "#config/mesh-config.ts";
import { authorizationFilters } from "#envoy/authorization/filters.ts";
import { bookinfo, keyed } from "#envoy/bookinfo.fixture.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { authorizersOf } from "#snapshot/authorizers.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { policiesFor } from "#snapshot/workload-policies.ts";

export interface FilterCase {
  readonly name: string;
  readonly kind: "http" | "tcp";
  readonly input: string;
  readonly want: readonly string[];
  readonly meshConfig?: Readonly<Record<string, unknown>>;
  readonly tdBundle?: { readonly trustDomain: string; readonly aliases?: readonly string[] };
}

export interface FilterHead {
  readonly workload: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly trustDomain: string;
  readonly cases: readonly FilterCase[];
}

/** The service that the cases' authorizers are. */
const authorizer: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "my-custom-ext-authz", namespace: "foo" },
  spec: { clusterIP: "10.96.1.1", selector: { app: "authz" }, ports: [{ name: "grpc", port: 9000 }] },
};

export function checkFilters(folder: string, { workload, trustDomain }: FilterHead, one: FilterCase): void {
  const policies = parseAllDocuments(readFileSync(join(folder, one.input), "utf8"))
    .map((document) => document.toJS() as AuthorizationPolicy)
    .map((policy) => ({ ...policy, spec: policy.spec ?? {} }));
  const { tdBundle = { trustDomain } } = one;
  const mesh = {
    ...(one.meshConfig ? readMeshConfig(one.meshConfig, "istio-system") : defaultMeshConfig),
    trustDomain: tdBundle.trustDomain,
    trustDomainAliases: tdBundle.aliases ?? [],
  };
  const input = bookinfo({ services: keyed([authorizer]), authorizationPolicies: keyed(policies) });
  const snapshot = buildSnapshot(undefined, { ...input, meshConfig: mesh }, {});
  assert.deepEqual(snapshot.problems, []);
  const { namespace, labels } = workload;
  const chosen = policiesFor(snapshot.authorizationPolicies, [namespace], { namespace }, labels);
  const filters = authorizationFilters(chosen, mesh, authorizersOf(undefined, mesh, snapshot.services));
  const registry = envoyTypes();
  const actual =
    one.kind === "http"
      ? filters.http.map((filter) => toJson(HttpFilterSchema, filter, { registry }))
      : filters.tcp.map((filter) => toJson(FilterSchema, filter, { registry }));
  const schema: DescMessage = one.kind === "http" ? HttpFilterSchema : FilterSchema;
  const want = one.want.map((file) => {
    const golden = parse(readFileSync(join(folder, file), "utf8")) as JsonObject;
    return toJson(schema, fromJson(schema, golden, { registry }), { registry });
  });
  assert.deepEqual(actual, want satisfies JsonValue[]);
}
