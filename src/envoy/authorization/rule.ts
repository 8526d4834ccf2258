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

/**
 * The rule for Envoy; undefined if calls that match it can't be told. What validation refuses takes in nothing, or everything if the
 * rule may widen. Istio: security/authz/model.
 */
export function rulePolicy({ from, to, when = [] }: AuthorizationRule, use: RuleUse): Policy | undefined {
  const ofCall: Part<PermissionInit>[] = [];
  const ofCaller: Part<PrincipalInit>[] = [];
  for (const { key, values, notValues } of when) {
    const caller = principalAttribute(key, use);
    if (caller === undefined) ofCall.push(...parts([[permissionAttribute(key) ?? unsayable, values, notValues]]));
    else ofCaller.push(...parts([[caller.ofRequest ? seenOf(caller.say, use) : caller.say, values, notValues]]));
  }
  const calls = alternatives(to?.map(({ operation = {} }) => operationParts(operation, use))).map((one) =>
    conjunction(permissions, [...one, ...ofCall], use.mayWiden),
  );
  const callers = alternatives(from?.map(({ source = {} }) => sourceParts(source, use))).map((one) =>
    conjunction(principals, [...one, ...ofCaller], use.mayWiden),
  );
  if (!calls.every((one) => one !== undefined) || !callers.every((one) => one !== undefined)) return undefined;
  return create(PolicySchema, { permissions: calls, principals: callers });
}

type Parts<M> = readonly Part<M>[];

/** Left out, it is anything; an empty list is a mistake. */
function alternatives<M>(list: readonly Parts<M>[] | undefined): readonly Parts<M>[] {
  return list === undefined ? [[]] : list.length === 0 ? [parts<M>([])] : list;
}

/** Of connections nothing that only requests have can be said. */
function seenOf<M>(say: Say<M>, { seen }: RuleUse): Say<M> {
  return seen === "requests" ? say : unsayable;
}

type Values = readonly string[] | undefined;

/** The parts that have values. Without any, which is a mistake, it is one that can't be said. */
function parts<M>(list: readonly (readonly [say: Say<M>, values: Values, notValues: Values])[]): Parts<M> {
  const given = list
    .map(([say, values = [], notValues = []]) => ({ say, values, notValues }))
    .filter(({ values, notValues }) => values.length > 0 || notValues.length > 0);
  return given.length > 0 ? given : [{ say: unsayable, values: ["?"], notValues: [] }];
}

function operationParts(operation: AuthorizationOperation, use: RuleUse): Parts<PermissionInit> {
  const { hosts, methods, paths } = requestAttributes;
  return parts([
    [seenOf(hosts, use), operation.hosts, operation.notHosts],
    [seenOf(methods, use), operation.methods, operation.notMethods],
    [seenOf(paths, use), operation.paths, operation.notPaths],
    [ports, operation.ports, operation.notPorts],
  ]);
}

function sourceParts(source: AuthorizationSource, use: RuleUse): Parts<PrincipalInit> {
  return parts([
    [sourcePrincipal(use), source.principals, source.notPrincipals],
    [seenOf(requestPrincipal, use), source.requestPrincipals, source.notRequestPrincipals],
    [sourceTrustDomain(use), source.trustDomains, source.notTrustDomains],
    [sourceServiceAccount(use), source.serviceAccounts, source.notServiceAccounts],
    [sourceNamespace, source.namespaces, source.notNamespaces],
    [remoteIp, source.remoteIpBlocks, source.notRemoteIpBlocks],
    [sourceIp, source.ipBlocks, source.notIpBlocks],
  ]);
}
