import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RequestAuthentication, RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import type { Labels } from "#model/labels.ts";
import { byNamespace, policiesFor } from "#snapshot/workload-policies.ts";
import type { AcceptCase } from "../suite.ts";
import { casesOf, type Fixture } from "./table.ts";

interface Selection {
  readonly workloadNamespace?: string;
  readonly workloadLabels?: Labels | null;
  readonly isWaypoint?: boolean;
  readonly wantRequestAuthn?: readonly { readonly meta: { readonly name: string; readonly namespace: string } }[];
}

/** Its cases have policies with selectors switched off for Gateways of the Gateway API. */
const targetsAlone = "TestGetPoliciesForGatewayPolicyAttachmentOnly";

/** Which RequestAuthentications are for a workload. */
export function selectionCases(folder: string): readonly AcceptCase[] {
  const file = join(folder, "policy-selection.json");
  const { fixture } = JSON.parse(readFileSync(file, "utf8")) as { fixture: Fixture<RequestAuthenticationSpec> };
  const all = casesOf<Selection>(file, Object.keys(fixture.use));
  // Some tests are of peers alone.
  const tests = new Set(all.filter(({ one }) => one.wantRequestAuthn !== undefined).map(({ test }) => test));
  return all.flatMap(({ test, name, one }) => {
    const { workloadNamespace: namespace, workloadLabels, isWaypoint, wantRequestAuthn = [] } = one;
    if (namespace === undefined || !tests.has(test)) return [];
    return {
      name: `${name} (requests)`,
      ...(isWaypoint ? { skip: "waypoints belong to the ambient mode" } : {}),
      run() {
        const policies = (fixture.use[test] ?? [])
          .flatMap((list) => fixture.policies[list] ?? [])
          .filter(({ kind }) => kind === "RequestAuthentication")
          .map(({ spec, kind, ...metadata }): RequestAuthentication => {
            return { apiVersion: "security.istio.io/v1", kind, metadata, spec };
          });
        const known = byNamespace(
          undefined,
          new Map(policies.map((policy) => [`${policy.metadata.namespace}/${policy.metadata.name}`, policy])),
        );
        const namespaces = [...new Set([namespace, fixture.rootNamespace])];
        const found = policiesFor(known, namespaces, { namespace }, workloadLabels ?? {}, {
          selectsGateways: test !== targetsAlone,
        });
        assert.deepEqual(
          found.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
          wantRequestAuthn.map(({ meta }) => `${meta.namespace}/${meta.name}`),
        );
      },
    };
  });
}
