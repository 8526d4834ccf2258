import { create } from "@bufbuild/protobuf";
import { type Policy, PolicySchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import type {
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from "#api/istio/authorization-policy.ts";
import { conjunction, type Part, type Say, unsayable } from "./conjunction.ts";
import { type PermissionInit, permissionAttribute, permissions, ports, requestAttributes } from "./permissions.ts";
import {
  type PolicyOrigin,
  type PrincipalInit,
  principalAttribute,
  principals,
  remoteIp,
  requestPrincipal,
  sourceIp,
  sourceNamespace,
  sourcePrincipal,
  sourceServiceAccount,
  sourceTrustDomain,
} from "./principals.ts";

/** What a rule becomes depends on. */
export interface RuleUse extends PolicyOrigin {
  /** `connections`: nothing is known of requests. */
  readonly seen: "requests" | "connections";
  /** Calls that are meant may be joined by others: right for what forbids and for what only writes a log. */
  readonly mayWiden: boolean;
}

/** A policy that no call matches. */
export const never: Policy = create(PolicySchema, {
  permissions: [permissions.not(permissions.any)],
  principals: [principals.not(principals.any)],
});

/** The rule for Envoy; undefined if calls that match it can't be told. Istio: security/authz/model. */
export function rulePolicy({ from = [], to = [], when = [] }: AuthorizationRule, use: RuleUse): Policy | undefined {
  const ofCall: Part<PermissionInit>[] = [];
  const ofCaller: Part<PrincipalInit>[] = [];
  for (const { key, values = [], notValues = [] } of when) {
    const caller = principalAttribute(key, use);
    if (caller === undefined) {
      ofCall.push({ say: permissionAttribute(key) ?? unsayable, values, notValues });
    } else {
      const say = caller.ofRequest ? seenOf(caller.say, use) : caller.say;
      ofCaller.push({ say, values, notValues });
    }
  }
  const calls = (to.length === 0 ? [[]] : to.map(({ operation = {} }) => operationParts(operation, use))).map((parts) =>
    conjunction(permissions, [...parts, ...ofCall], use.mayWiden),
  );
  const callers = (from.length === 0 ? [[]] : from.map(({ source = {} }) => sourceParts(source, use))).map((parts) =>
    conjunction(principals, [...parts, ...ofCaller], use.mayWiden),
  );
  if (!calls.every((one) => one !== undefined) || !callers.every((one) => one !== undefined)) return undefined;
  return create(PolicySchema, { permissions: calls, principals: callers });
}

/** Of connections nothing that only requests have can be said. */
function seenOf<M>(say: Say<M>, { seen }: RuleUse): Say<M> {
  return seen === "requests" ? say : unsayable;
}

function part<M>(say: Say<M>, values: readonly string[] = [], notValues: readonly string[] = []): Part<M> {
  return { say, values, notValues };
}

function operationParts(operation: AuthorizationOperation, use: RuleUse): readonly Part<PermissionInit>[] {
  const { hosts, methods, paths } = requestAttributes;
  return [
    part(seenOf(hosts, use), operation.hosts, operation.notHosts),
    part(seenOf(methods, use), operation.methods, operation.notMethods),
    part(seenOf(paths, use), operation.paths, operation.notPaths),
    part(ports, operation.ports, operation.notPorts),
  ];
}

function sourceParts(source: AuthorizationSource, use: RuleUse): readonly Part<PrincipalInit>[] {
  return [
    part(sourcePrincipal(use), source.principals, source.notPrincipals),
    part(seenOf(requestPrincipal, use), source.requestPrincipals, source.notRequestPrincipals),
    part(sourceTrustDomain(use), source.trustDomains, source.notTrustDomains),
    part(sourceServiceAccount(use), source.serviceAccounts, source.notServiceAccounts),
    part(sourceNamespace, source.namespaces, source.notNamespaces),
    part(remoteIp, source.remoteIpBlocks, source.notRemoteIpBlocks),
    part(sourceIp, source.ipBlocks, source.notIpBlocks),
  ];
}
