import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerAuthentication, PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import type { Labels } from "#model/labels.ts";
import type { MutualTlsMode } from "#model/mutual-tls.ts";
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
  return [...composition(join(folder, "jwt-and-peer.json")), ...selection(join(folder, "policy-selection.json"))];
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
