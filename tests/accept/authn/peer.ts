import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import type { PeerAuthentication, PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import { meshServerTls } from "#envoy/tls/mesh.ts";
import type { Labels } from "#model/labels.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { type MutualTlsMode, modeOfPort } from "#model/mutual-tls.ts";
import { byAge } from "#snapshot/config-order.ts";
import {
  inboundMutualTls,
  namespaceMutualTls,
  type PeerPolicies,
  peerPolicies,
  peerPoliciesFor,
} from "#snapshot/peer-authentications.ts";
import type { AcceptCase } from "../suite.ts";
import { casesOf, type Fixture } from "./table.ts";

interface Config {
  readonly meta: { readonly name: string; readonly namespace: string; readonly creationTimestamp?: string };
  readonly spec: PeerAuthenticationSpec;
}

type Mode = "MTLSDisable" | "MTLSPermissive" | "MTLSStrict";

const modes: Readonly<Record<Mode, MutualTlsMode>> = {
  MTLSDisable: "DISABLE",
  MTLSPermissive: "PERMISSIVE",
  MTLSStrict: "STRICT",
};

/** Which PeerAuthentications a workload comes under, and what they make its ports take in. */
export function peerCases(folder: string): readonly AcceptCase[] {
  const tables = join(folder, "jwt-and-peer.json");
  return [...composition(tables), ...contexts(tables), ...selection(join(folder, "policy-selection.json"))];
}

interface Contexts {
  readonly peerPolicies: readonly { readonly spec: PeerAuthenticationSpec }[];
  readonly expected: {
    readonly port: number;
    readonly mode: Mode;
    readonly tcp?: JsonObject;
    readonly http?: JsonObject;
  };
}

/** TLS as the port takes it in. Upstream has a context for requests and one for connections, which differ in ALPN alone; here there is one. */
function contexts(file: string): AcceptCase[] {
  return casesOf<Contexts>(file, ["TestInboundMTLSSettings"]).map(
    ({ name, one: { peerPolicies: given, expected } }) => ({
      name,
      run() {
        const configs = given.map(
          ({ spec }, index): Config => ({
            meta: { name: `policy-${index}`, namespace: "my-ns" },
            spec,
          }),
        );
        const workload = { namespace: "my-ns", labels: { app: "foo" } };
        const found = inboundMutualTls(policiesOf(configs, "root-namespace"), workload);
        assert.equal(modeOfPort(found, expected.port), modes[expected.mode]);
        const { typedConfig } = toJson(TransportSocketSchema, meshServerTls(defaultMeshConfig), {
          registry: envoyTypes(),
        }) as { typedConfig: JsonObject };
        const { "@type": _type, ...context } = typedConfig;
        for (const wanted of [expected.tcp, expected.http]) {
          if (wanted !== undefined) assert.deepEqual(withoutNames(context), withoutNames(wanted));
        }
      },
    }),
  );
}

/** Upstream knows no trust domain here, and ALPN isn't compared. */
function withoutNames({ commonTlsContext, ...context }: JsonObject): JsonObject {
  const { alpnProtocols: _alpn, combinedValidationContext, ...common } = commonTlsContext as JsonObject;
  const { defaultValidationContext: _names, ...validation } = combinedValidationContext as JsonObject;
  return { ...context, ...common, ...validation };
}

interface Composition {
  readonly configs: readonly Config[];
  readonly want: { readonly mode: Mode; readonly perPort?: Readonly<Record<string, Mode>> };
}

function composition(file: string): AcceptCase[] {
  return casesOf<Composition>(file, ["TestComposePeerAuthentication"]).map(({ name, one: { configs, want } }) => ({
    name,
    run() {
      const workload = { namespace: "my-ns", labels: { app: "foo" } };
      const { mode, perPort } = inboundMutualTls(policiesOf(configs, "root-namespace"), workload);
      const ports = Object.entries(want.perPort ?? {}).map(([port, wanted]) => [Number(port), modes[wanted]] as const);
      assert.deepEqual({ mode, perPort }, { mode: modes[want.mode], perPort: new Map(ports) });
    },
  }));
}

interface Selection {
  readonly workloadNamespace?: string;
  readonly workloadLabels?: Labels | null;
  readonly wantPeerAuthn?: readonly Config[];
  readonly wantNamespaceMutualTLS?: Mode | Readonly<Record<string, Mode>>;
  readonly namespaces?: readonly string[];
  readonly wantPeerAuthnNamespaces?: readonly string[];
  readonly notWantPeerAuthnNamespaces?: readonly string[];
  readonly wantGlobalMutualTLSMode?: Mode;
}

function selection(file: string): AcceptCase[] {
  const { fixture } = JSON.parse(readFileSync(file, "utf8")) as { fixture: Fixture<PeerAuthenticationSpec> };
  const { rootNamespace } = fixture;
  return casesOf<Selection>(file, Object.keys(fixture.use)).map(({ test, name, one }) => ({
    name: `${name} (peers)`,
    run() {
      const configs = (fixture.use[test] ?? [])
        .flatMap((list) => fixture.policies[list] ?? [])
        .filter(({ kind }) => kind === "PeerAuthentication")
        .map(({ kind: _kind, spec, ...meta }): Config => ({ meta, spec }));
      const policies = policiesOf(configs, rootNamespace);
      if (one.workloadNamespace === undefined) checkNamespaces(policies, one);
      else checkWorkload(policies, one.workloadNamespace, one);
    },
  }));
}

function checkWorkload(policies: PeerPolicies, namespace: string, one: Selection): void {
  const found = peerPoliciesFor(policies, { namespace, labels: one.workloadLabels ?? {} });
  const wanted = (one.wantPeerAuthn ?? []).map(({ meta, spec }) => ({ at: `${meta.namespace}/${meta.name}`, spec }));
  assert.deepEqual(
    found.map(({ metadata, spec }) => ({ at: `${metadata.namespace}/${metadata.name}`, spec })),
    wanted,
  );
  if (typeof one.wantNamespaceMutualTLS === "string") {
    assert.equal(namespaceMutualTls(policies, namespace), modes[one.wantNamespaceMutualTLS]);
  }
}

/** Upstream loads only some namespaces; here the whole mesh is known, and those are the ones that are asked for. */
function checkNamespaces(policies: PeerPolicies, one: Selection): void {
  const asked = [...(one.namespaces ?? []), policies.rootNamespace];
  const seen = new Set(
    asked.flatMap((namespace) => peerPoliciesFor(policies, { namespace, labels: {} })).map((p) => p.metadata.namespace),
  );
  for (const namespace of one.wantPeerAuthnNamespaces ?? []) assert.ok(seen.has(namespace), namespace);
  for (const namespace of one.notWantPeerAuthnNamespaces ?? []) assert.ok(!seen.has(namespace), namespace);
  const global = one.wantGlobalMutualTLSMode;
  if (global) assert.equal(namespaceMutualTls(policies, policies.rootNamespace), modes[global]);
  for (const [namespace, mode] of Object.entries(one.wantNamespaceMutualTLS ?? {})) {
    assert.equal(namespaceMutualTls(policies, namespace), modes[mode as Mode], namespace);
  }
}

function policiesOf(configs: readonly Config[], rootNamespace: string): PeerPolicies {
  const policies = configs.map(
    ({ meta: metadata, spec }): PeerAuthentication => ({
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata,
      spec,
    }),
  );
  return peerPolicies(policies.sort(byAge), rootNamespace);
}
