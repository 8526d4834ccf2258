import type { MutatingWebhook, ValidatingWebhook } from "kubernetes-types/admissionregistration/v1.d.ts";
import type { LabelSelector } from "kubernetes-types/meta/v1.d.ts";
import type { KubeObject } from "#kube/object.ts";
import { matchesLabels } from "#labels/label-selector.ts";
import type { AdmissionRequest, GroupVersionResource, ServedAs } from "./request.ts";

/** Which requests a webhook is asked about; the generated type lacks the fields that Go embeds. */
export interface WebhookRule {
  readonly operations?: string[];
  readonly apiGroups?: string[];
  readonly apiVersions?: string[];
  readonly resources?: string[];
  readonly scope?: string;
}

export type Webhook = MutatingWebhook | ValidatingWebhook;

/** Admission never asks a webhook about webhooks: one that fails could not be taken away any more (Kubernetes). */
const neverAsked = new Set(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]);

/**
 * The form in which `webhook` wants to see the request: its own version or, with `matchPolicy: Equivalent`, another one of
 * the same resource. Undefined when the webhook isn't concerned.
 */
export function matchWebhook(
  webhook: Webhook,
  request: AdmissionRequest,
  namespaceObject: KubeObject | undefined,
): ServedAs | undefined {
  const own: ServedAs = { kind: request.kind, resource: request.resource };
  if (own.resource.group === "admissionregistration.k8s.io" && neverAsked.has(own.resource.resource)) return undefined;
  if (!matchesNamespace(webhook.namespaceSelector, request, namespaceObject)) return undefined;
  if (!matchesObject(webhook.objectSelector, request)) return undefined;
  const rules = (webhook.rules ?? []) as readonly WebhookRule[];
  const forms = [own, ...(webhook.matchPolicy === "Exact" ? [] : (request.equivalents ?? []))];
  return forms.find(({ resource }) => rules.some((rule) => matchesRule(rule, resource, request)));
}

function matchesRule(rule: WebhookRule, resource: GroupVersionResource, request: AdmissionRequest): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list?.some((item) => item === "*" || item === value) ?? false;
  return (
    has(rule.operations, request.operation) &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, resource.version) &&
    matchesScope(rule.scope, request) &&
    (rule.resources ?? []).some((item) => matchesResource(item, resource.resource, request.subresource ?? ""))
  );
}

function matchesScope(scope: string | undefined, request: AdmissionRequest): boolean {
  // A namespace itself is cluster-scoped, though requests for it carry its name as namespace.
  const isNamespaced = Boolean(request.namespace) && request.resource.resource !== "namespaces";
  return scope === undefined || scope === "*" || scope === (isNamespaced ? "Namespaced" : "Cluster");
}

/** `pods`, `pods/status`, or with a star on either side; a name without a slash means no subresource. */
function matchesResource(pattern: string, resource: string, subresource: string): boolean {
  const [name = "", sub = ""] = pattern.split("/");
  return (name === "*" || name === resource) && ((sub === "*" && pattern.includes("/")) || sub === subresource);
}

function matchesNamespace(
  selector: LabelSelector | undefined,
  request: AdmissionRequest,
  namespaceObject: KubeObject | undefined,
): boolean {
  if (request.resource.resource === "namespaces" && request.resource.group === "")
    return matchesSelector(selector, (request.object ?? request.oldObject)?.metadata?.labels);
  return !request.namespace || matchesSelector(selector, namespaceObject?.metadata?.labels);
}

function matchesObject(selector: LabelSelector | undefined, request: AdmissionRequest): boolean {
  const objects = [request.object, request.oldObject].filter((object) => object !== undefined);
  if (objects.length === 0) return matchesSelector(selector, undefined);
  return objects.some((object) => matchesSelector(selector, object.metadata?.labels));
}

/** A selector that is absent or empty selects everything. */
function matchesSelector(selector: LabelSelector | undefined, labels?: Readonly<Record<string, string>>): boolean {
  return matchesLabels(selector ?? {}, labels);
}
