import type {
  BackendTLSPolicy,
  BackendTLSValidation,
  BackendTrafficPolicy,
  PolicyAncestorStatus,
  PolicyStatus,
  PolicyTarget,
} from "#api/gateway-api/policy.ts";
import type { ParentReference } from "#api/gateway-api/route.ts";
import type { ClientTLS, DestinationRule, TrafficPolicy } from "#api/istio/destination-rule.ts";
import { parentNamesAnnotation } from "#model/route-semantics.ts";
import type { ConditionError, ConditionState, Observation } from "./conditions.ts";
import { joinWords, setConditions } from "./conditions.ts";
import { authorityError, configMapCredential } from "./credentials.ts";
import { gatewayController, meshController } from "./gateway-class.ts";
import type { WithStatus } from "./gateways.ts";
import type { GatewayApiInput } from "./input.ts";
import { compareObjects } from "./object-order.ts";
import { parentNames } from "./parent-names.ts";

export interface ConvertedPolicies {
  readonly tlsPolicies: readonly WithStatus<BackendTLSPolicy, PolicyStatus>[];
  readonly trafficPolicies: readonly WithStatus<BackendTrafficPolicy, PolicyStatus>[];
  readonly destinationRules: readonly DestinationRule[];
}

/** How a backend (`Kind/namespace/name`) is used by routes. */
export interface BackendUse {
  /** Gateways (`namespace/name`) whose routes lead to it. */
  readonly gateways: ReadonlySet<string>;
  /** Whether a GRPCRoute leads to it: then it speaks HTTP/2, also on a port that doesn't say so. */
  readonly isGrpc: boolean;
}

export type BackendUses = ReadonlyMap<string, BackendUse>;

/** What is wrong in Istio with a credential, so that connections that need it fail. */
const invalidCredential = "invalid://";
const ignoreAnnotation = "istio.io/ignore-policy-attachment";
const maxAncestors = 16;

/** A target that is there, and what policies say of it. */
interface Applied {
  readonly target: Target;
  readonly section: string | undefined;
  readonly source: BackendTLSPolicy | BackendTrafficPolicy;
  readonly tls?: ClientTLS;
  readonly retryBudget?: TrafficPolicy["retryBudget"];
}

interface Target {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly ports: readonly { readonly name: string; readonly number: number }[];
}

/** Istio: DestinationRuleCollection. */
export function convertPolicies(input: GatewayApiInput, uses: BackendUses): ConvertedPolicies {
  const applied: Applied[] = [];
  const claims = new Map<string, BackendTLSPolicy>();
  const tlsPolicies = [...input.backendTLSPolicies.values()].sort(compareObjects).map((policy) => {
    const tls = tlsOf(policy, input);
    const outcomes = (policy.spec.targetRefs ?? []).map((reference) => {
      const found = targetOf(reference, policy.metadata.namespace ?? "", input);
      if ("error" in found) return { reference, key: undefined, error: found.error };
      const claim = `${found.key} ${reference.sectionName ?? ""}`;
      const owner = claims.get(claim) ?? policy;
      claims.set(claim, owner);
      if (owner === policy)
        applied.push({ target: found, section: reference.sectionName, source: policy, tls: tls.settings });
      return { reference, key: found.key, error: owner === policy ? undefined : conflict(owner) };
    });
    return { object: policy, status: tlsPolicyStatus(policy, tls, outcomes, uses, input.now) };
  });
  const trafficPolicies = [...input.backendTrafficPolicies.values()].sort(compareObjects).map((policy) => {
    const isIgnored = policy.metadata.annotations?.[ignoreAnnotation] === "true";
    const targets = (policy.spec.targetRefs ?? []).map((reference) => {
      const found = targetOf(reference, policy.metadata.namespace ?? "", input);
      if ("error" in found) return { reference, error: found.error };
      if (!isIgnored) applied.push({ target: found, section: undefined, source: policy, ...retryBudgetOf(policy) });
      return { reference, error: undefined };
    });
    return { object: policy, status: trafficPolicyStatus(policy, isIgnored, targets, input.now) };
  });
  return { tlsPolicies, trafficPolicies, destinationRules: destinationRules(applied, uses) };
}

function conflict({ metadata }: BackendTLSPolicy): ConditionError {
  const message = `Conflicts with BackendTLSPolicy "${metadata.name}" targeting the same backend`;
  return { reason: "Conflicted", message };
}

function targetOf(
  { group = "", kind = "Service", name, sectionName }: PolicyTarget,
  namespace: string,
  input: GatewayApiInput,
): Target | { readonly error: ConditionError } {
  const notFound = (message: string) => ({
    error: { reason: "TargetNotFound", message: `targetRefs invalid: ${message}` },
  });
  const key = `${namespace}/${name}`;
  const place = { key: `${kind}/${key}`, namespace, name };
  let target: Target | undefined;
  if (group === "" && kind === "Service") {
    const service = input.services.get(key);
    const ports = (service?.spec?.ports ?? []).map((port) => ({ name: port.name ?? "", number: port.port }));
    if (service !== undefined) target = { ...place, hosts: [`${name}.${namespace}.svc.${input.clusterDomain}`], ports };
  } else if (group === "networking.istio.io" && kind === "ServiceEntry") {
    const entry = input.serviceEntries.get(key)?.spec;
    const ports = (entry?.ports ?? []).map((port) => ({ name: port.name ?? "", number: port.number ?? 0 }));
    if (entry !== undefined) target = { ...place, hosts: entry.hosts ?? [], ports };
  } else return notFound(`unsupported kind ${kind}`);
  if (target === undefined) return notFound(`reference ${key} (of kind ${kind}) not found`);
  if (sectionName && !target.ports.some((port) => port.name === sectionName))
    return notFound(`sectionName "${sectionName}" does not exist in ${kind} ${key}`);
  return target;
}

interface PolicyTLS {
  readonly settings: ClientTLS;
  readonly accepted?: ConditionError;
  readonly resolved?: ConditionError;
}

function tlsOf({ metadata, spec }: BackendTLSPolicy, input: GatewayApiInput): PolicyTLS {
  const { validation } = spec;
  const names = (validation.subjectAltNames ?? []).map(({ type, hostname, uri }) => (type === "URI" ? uri : hostname));
  const settings: ClientTLS = {
    mode: "SIMPLE",
    sni: validation.hostname,
    // Without names of its own, the certificate is for the name that is asked for.
    subjectAltNames: names.length > 0 ? names.filter((name) => name !== undefined) : [validation.hostname],
  };
  const authority = authorityOf(validation, metadata.namespace ?? "", input);
  return {
    settings: authority.credential === undefined ? settings : { ...settings, credentialName: authority.credential },
    ...authority,
  };
}

function authorityOf(
  { wellKnownCACertificates, caCertificateRefs = [] }: BackendTLSValidation,
  namespace: string,
  input: GatewayApiInput,
): Omit<PolicyTLS, "settings"> & { readonly credential?: string } {
  const refused = (resolved: ConditionError, why: string) => ({
    credential: invalidCredential,
    accepted: { reason: "NoValidCACertificate", message: `Certificate reference invalid: ${why}` },
    resolved,
  });
  if (wellKnownCACertificates !== undefined) {
    if (wellKnownCACertificates === "System") return {};
    const message = `Unknown wellKnownCACertificates: ${wellKnownCACertificates}`;
    return { credential: invalidCredential, accepted: { reason: "Invalid", message } };
  }
  // One is enough for Istio, and more aren't used.
  const [reference] = caCertificateRefs;
  if (reference === undefined) return {};
  const { group = "", kind = "ConfigMap", name } = reference;
  if (group !== "" || kind !== "ConfigMap") {
    const why = `unsupported kind ${kind}`;
    return refused({ reason: "InvalidKind", message: `Certificate reference not supported: ${why}` }, why);
  }
  const data = input.configMaps.get(`${namespace}/${name}`);
  if (data === undefined) {
    const why = `reference ${namespace}/${name} (of kind ConfigMap) not found`;
    return refused({ reason: "InvalidCACertificateRef", message: `Certificate reference not found: ${why}` }, why);
  }
  const wrong = authorityError(data.data ?? {});
  if (wrong !== undefined)
    return refused({ reason: "InvalidCACertificateRef", message: `Certificate invalid: ${wrong}` }, wrong);
  return { credential: configMapCredential(namespace, name) };
}

const valid = "Configuration is valid";

function tlsPolicyStatus(
  { metadata, status }: BackendTLSPolicy,
  tls: PolicyTLS,
  outcomes: readonly {
    readonly reference: PolicyTarget;
    readonly key: string | undefined;
    readonly error: ConditionError | undefined;
  }[],
  uses: BackendUses,
  now: string,
): PolicyStatus {
  const before = status?.ancestors ?? [];
  const observation = { generation: metadata.generation, now };
  const states = (error: ConditionError | undefined): Record<string, ConditionState> => ({
    Accepted: { reason: "Accepted", message: valid, error: error ?? tls.accepted },
    ResolvedRefs: { reason: "ResolvedRefs", message: valid, error: tls.resolved },
  });
  const ofTargets = outcomes.map(({ reference, error }) => {
    const { group = "", kind = "Service", name, sectionName } = reference;
    const ancestor = { group, kind, name, ...(sectionName === undefined ? {} : { sectionName }) };
    return ancestorStatus(ancestor, meshController, states(error), before, observation);
  });
  const names = new Set(outcomes.flatMap(({ key }) => (key === undefined ? [] : [...(uses.get(key)?.gateways ?? [])])));
  const worst = outcomes.findLast(({ error }) => error !== undefined)?.error;
  const ofGateways = [...names].sort().map((key) => {
    const ancestor = { group: "gateway.networking.k8s.io", kind: "Gateway", name: key.slice(key.indexOf("/") + 1) };
    return ancestorStatus(ancestor, gatewayController, states(worst), before, observation);
  });
  return { ancestors: mergeAncestors(before, [...ofTargets, ...ofGateways]) };
}

function trafficPolicyStatus(
  { metadata, spec, status }: BackendTrafficPolicy,
  isIgnored: boolean,
  targets: readonly { readonly reference: PolicyTarget; readonly error: ConditionError | undefined }[],
  now: string,
): PolicyStatus {
  const before = status?.ancestors ?? [];
  const unsupported = spec.sessionPersistence === undefined ? [] : ["sessionPersistence"];
  const message =
    unsupported.length === 0
      ? valid
      : `Configuration is valid, but Istio does not support the following fields: ${joinWords(unsupported)}`;
  const ignored = isIgnored
    ? { reason: "IgnoredByIstio", message: `Ignored by Istio due to annotation ${ignoreAnnotation}=true` }
    : undefined;
  const ancestors = targets.map(({ reference: { group = "", kind = "Service", name }, error }) =>
    ancestorStatus(
      { group, kind, name },
      meshController,
      { Accepted: { reason: "Accepted", message, error: ignored ?? error } },
      before,
      { generation: metadata.generation, now },
    ),
  );
  return { ancestors: mergeAncestors(before, ancestors) };
}

function ancestorStatus(
  ancestorRef: ParentReference,
  controllerName: string,
  states: Readonly<Record<string, ConditionState>>,
  before: readonly PolicyAncestorStatus[],
  observation: Observation,
): PolicyAncestorStatus {
  const old = before.find((entry) => entry.controllerName === controllerName && isSame(entry.ancestorRef, ancestorRef));
  return { ancestorRef, controllerName, conditions: setConditions(old?.conditions, states, observation) };
}

/** Other controllers' entries stay, ours keep their places, stale ones go, new ones come last. Istio: mergeAncestors. */
function mergeAncestors(
  before: readonly PolicyAncestorStatus[],
  ours: readonly PolicyAncestorStatus[],
): readonly PolicyAncestorStatus[] {
  const left = [...ours];
  const kept = before.flatMap((entry) => {
    if (entry.controllerName !== gatewayController && entry.controllerName !== meshController) return [entry];
    const at = left.findIndex((one) => isSame(one.ancestorRef, entry.ancestorRef));
    return at < 0 ? [] : left.splice(at, 1);
  });
  return [...kept, ...left].slice(0, maxAncestors);
}

function isSame(a: ParentReference, b: ParentReference): boolean {
  const fields = ["group", "kind", "name", "namespace", "sectionName", "port"] as const;
  return fields.every((field) => a[field] === b[field]);
}

function retryBudgetOf({ spec }: BackendTrafficPolicy): Pick<Applied, "retryBudget"> {
  if (spec.retryConstraint === undefined) return {};
  const { budget, minRetryRate } = spec.retryConstraint;
  return {
    retryBudget: {
      ...(budget?.percent === undefined ? {} : { percent: budget.percent }),
      // Gateway API: ten unless said otherwise.
      minRetryConcurrency: minRetryRate?.count ?? 10,
    },
  };
}

/** One rule for every host that policies are about; of policies that say the same thing the first counts. */
function destinationRules(applied: readonly Applied[], uses: BackendUses): readonly DestinationRule[] {
  const byTarget = new Map<string, Applied[]>();
  for (const one of applied) {
    const group = byTarget.get(one.target.key) ?? [];
    byTarget.set(one.target.key, group);
    group.push(one);
  }
  return [...byTarget.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { target, source } = first;
    const trafficPolicy = trafficPolicyOf(target, group, uses.get(target.key)?.isGrpc ?? false);
    return target.hosts.map((host, index) => ({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: {
        name: `${target.name}${index === 0 ? "" : `~${index}`}~istio-autogenerated-k8s-gateway`,
        namespace: target.namespace,
        ...(source.metadata.creationTimestamp === undefined
          ? {}
          : { creationTimestamp: source.metadata.creationTimestamp }),
        annotations: { [parentNamesAnnotation]: parentNames(group.map((one) => one.source)) },
      },
      spec: { host, trafficPolicy },
    }));
  });
}

function trafficPolicyOf(target: Target, group: readonly Applied[], isGrpc: boolean): TrafficPolicy {
  const http2 = isGrpc ? { connectionPool: { http: { h2UpgradePolicy: "UPGRADE" as const } } } : {};
  const whole = group.find(({ section, tls }) => tls !== undefined && !section)?.tls;
  const retryBudget = group.find((one) => one.retryBudget !== undefined)?.retryBudget;
  const ports = target.ports.flatMap(({ name, number }) => {
    const tls = group.find((one) => one.tls !== undefined && one.section === name)?.tls;
    return tls === undefined ? [] : [{ port: { number }, tls, ...http2 }];
  });
  return {
    ...(whole ? { tls: whole, ...http2 } : {}),
    ...(retryBudget ? { retryBudget } : {}),
    ...(ports.length > 0 ? { portLevelSettings: ports } : {}),
  };
}
