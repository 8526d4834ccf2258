import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "kubernetes-types/admissionregistration/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { age, ageColumn, column, nameColumn } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

const registration = (kind: string, plural: string) => ({ group: "admissionregistration.k8s.io", kind, plural });

function defaultWebhook(webhook: MutatingWebhook | ValidatingWebhook): void {
  webhook.failurePolicy ||= "Fail";
  webhook.matchPolicy ||= "Equivalent";
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
  for (const rule of (webhook.rules ?? []) as { scope?: string }[]) rule.scope ||= "*";
}

function validateWebhooks(webhooks: readonly (MutatingWebhook | ValidatingWebhook)[] = []): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    const at = `webhooks[${index}]`;
    if (!webhook.name) errors.push(fieldError.required(`${at}.name`));
    else if (webhook.name.split(".").length < 3)
      errors.push(
        fieldError.invalid(
          `${at}.name`,
          webhook.name,
          "should be a domain with at least three segments separated by dots",
        ),
      );
    else if (names.has(webhook.name)) errors.push(fieldError.duplicate(`${at}.name`, webhook.name));
    names.add(webhook.name);
    const { url, service } = webhook.clientConfig ?? {};
    if ((url === undefined) === (service === undefined))
      errors.push(fieldError.required(`${at}.clientConfig`, "exactly one of url or service is required"));
    if (url !== undefined && !url.startsWith("https://"))
      errors.push(fieldError.invalid(`${at}.clientConfig.url`, url, "'https' is the only allowed URL scheme"));
    const { timeoutSeconds = 10, failurePolicy = "Fail", sideEffects } = webhook;
    if (timeoutSeconds < 1 || timeoutSeconds > 30)
      errors.push(
        fieldError.invalid(
          `${at}.timeoutSeconds`,
          timeoutSeconds,
          "the timeout value must be between 1 and 30 seconds",
        ),
      );
    if (!["Fail", "Ignore"].includes(failurePolicy))
      errors.push(fieldError.unsupported(`${at}.failurePolicy`, failurePolicy, ["Fail", "Ignore"]));
    if (!sideEffects) errors.push(fieldError.required(`${at}.sideEffects`, "must specify one of None, NoneOnDryRun"));
    else if (!["None", "NoneOnDryRun"].includes(sideEffects))
      errors.push(fieldError.unsupported(`${at}.sideEffects`, sideEffects, ["None", "NoneOnDryRun"]));
    if (!webhook.admissionReviewVersions?.length)
      errors.push(fieldError.required(`${at}.admissionReviewVersions`, "must specify one of v1, v1beta1"));
  }
  return errors;
}

const table = {
  columns: [nameColumn, column("Webhooks", "integer"), ageColumn],
  cells: (object: MutatingWebhookConfiguration | ValidatingWebhookConfiguration) => [
    object.metadata?.name ?? "",
    object.webhooks?.length ?? 0,
    age({ metadata: object.metadata ?? {} }),
  ],
};

export const admissionRegistrationKinds: readonly Kind[] = [
  defineKind<MutatingWebhookConfiguration>(
    registration("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    {
      namespaced: false,
      categories: ["api-extensions"],
      generation: true,
      defaults({ webhooks = [] }) {
        for (const webhook of webhooks) {
          defaultWebhook(webhook);
          webhook.reinvocationPolicy ||= "Never";
        }
      },
      validate: ({ webhooks }) => validateWebhooks(webhooks),
      table,
    },
  ),
  defineKind<ValidatingWebhookConfiguration>(
    registration("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
    {
      namespaced: false,
      categories: ["api-extensions"],
      generation: true,
      defaults({ webhooks = [] }) {
        for (const webhook of webhooks) defaultWebhook(webhook);
      },
      validate: ({ webhooks }) => validateWebhooks(webhooks),
      table,
    },
  ),
  // Kept, not evaluated.
  defineKind(registration("ValidatingAdmissionPolicy", "validatingadmissionpolicies"), {
    namespaced: false,
    categories: ["api-extensions"],
    generation: true,
    status: true,
  }),
  defineKind(registration("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"), {
    namespaced: false,
    categories: ["api-extensions"],
    generation: true,
  }),
];
