import { randomUUID } from "node:crypto";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "kubernetes-types/admissionregistration/v1.d.ts";
import type { KubeObject } from "#kube/object.ts";
import { createLog } from "#log/log.ts";
import { ApiError } from "../api-error.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { isJsonObject, jsonEqual } from "../patch/json-value.ts";
import { callWebhook, type ResolveService } from "./call.ts";
import { matchWebhook, type Webhook } from "./match.ts";
import { type AdmissionRequest, admissionReview, inVersion } from "./request.ts";
import { DeniedError, readAnswer } from "./review-answer.ts";

export interface AdmitOptions {
  /** Give one list empty to run only the other phase. */
  readonly configs: {
    readonly mutating: readonly MutatingWebhookConfiguration[];
    readonly validating: readonly ValidatingWebhookConfiguration[];
  };
  readonly request: AdmissionRequest;
  /** The namespace of the request's object, for `namespaceSelector`. */
  readonly namespaceObject: KubeObject | undefined;
  readonly resolveService: ResolveService;
}

export interface Admitted {
  /** The very same object when no webhook changed it. */
  readonly object: KubeObject | undefined;
  readonly warnings: readonly string[];
}

const log = createLog("admission");
const defaultTimeout = 10;

/**
 * Asks the webhooks that the request concerns: mutating ones one after another in order of their configurations' names, then
 * validating ones all at once. Throws {@link ApiError}: a webhook's refusal in its own words, a 400 when one can't do a dry
 * run, a 500 when one with `failurePolicy: Fail` can't be reached.
 */
export async function admit(options: AdmitOptions): Promise<Admitted> {
  const warnings: string[] = [];
  const object = await mutate(options, warnings);
  await validateAll(options, object, warnings);
  return { object, warnings };
}

function byName(configs: AdmitOptions["configs"]["mutating"]): MutatingWebhook[];
function byName(configs: AdmitOptions["configs"]["validating"]): ValidatingWebhook[];
function byName(
  configs: readonly (MutatingWebhookConfiguration | ValidatingWebhookConfiguration)[],
): (MutatingWebhook | ValidatingWebhook)[] {
  const name = (config: KubeObject): string => config.metadata?.name ?? "";
  return configs.toSorted((a, b) => (name(a) < name(b) ? -1 : 1)).flatMap((config) => config.webhooks ?? []);
}

async function mutate(options: AdmitOptions, warnings: string[]): Promise<KubeObject | undefined> {
  let object = options.request.object;
  const called: { webhook: MutatingWebhook; result: KubeObject | undefined }[] = [];
  const run = async (webhook: MutatingWebhook): Promise<boolean> => {
    const outcome = await ask(webhook, options, object);
    if (!outcome) return false;
    warnings.push(...outcome.warnings);
    object = outcome.object;
    return true;
  };
  for (const webhook of byName(options.configs.mutating))
    if (await run(webhook)) called.push({ webhook, result: object });
  // Whoever asked for it sees once more what others changed after its turn.
  for (const { webhook, result } of called)
    if (webhook.reinvocationPolicy === "IfNeeded" && !jsonEqual(result, object)) await run(webhook);
  return object;
}

async function validateAll(options: AdmitOptions, object: KubeObject | undefined, warnings: string[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    byName(options.configs.validating).map((webhook) => ask(webhook, options, object)),
  );
  for (const outcome of outcomes) if (outcome.status === "fulfilled") warnings.push(...(outcome.value?.warnings ?? []));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** Undefined when the webhook isn't concerned, or failed and that is to be ignored. */
async function ask(
  webhook: Webhook,
  { request, namespaceObject, resolveService }: AdmitOptions,
  object: KubeObject | undefined,
): Promise<Admitted | undefined> {
  const current = { ...request, object };
  const asked = matchWebhook(webhook, current, namespaceObject);
  if (!asked) return undefined;
  if (request.dryRun && webhook.sideEffects !== "None" && webhook.sideEffects !== "NoneOnDryRun")
    throw new ApiError(400, "BadRequest", `admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
  const uid = randomUUID();
  try {
    const version = (webhook.admissionReviewVersions ?? []).find((name) => name === "v1" || name === "v1beta1");
    if (!version) throw new Error("none of its admissionReviewVersions is v1 or v1beta1");
    const review = admissionReview(uid, version, request, asked, object);
    const timeout = webhook.timeoutSeconds ?? defaultTimeout;
    const answer = await callWebhook(webhook.clientConfig, review, timeout, resolveService);
    const { warnings, patch } = readAnswer(webhook.name, uid, answer);
    return { warnings, object: patched(object, patch, asked.kind, request) };
  } catch (error) {
    if (error instanceof DeniedError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (webhook.failurePolicy === "Ignore") {
      log.warn("webhook failed and is ignored", { webhook: webhook.name, why });
      return undefined;
    }
    const message = `failed calling webhook ${JSON.stringify(webhook.name)}: ${why}`;
    const details = { causes: [{ message }] };
    throw new ApiError(500, "InternalError", `Internal error occurred: ${message}`, details, { cause: error });
  }
}

function patched(
  object: KubeObject | undefined,
  patch: unknown,
  seenAs: AdmissionRequest["kind"],
  request: AdmissionRequest,
): KubeObject | undefined {
  if (patch === undefined || object === undefined || (Array.isArray(patch) && patch.length === 0)) return object;
  const result = applyJsonPatch(inVersion(object, seenAs), patch);
  if (!isJsonObject(result)) throw new Error("the webhook's patch leaves no object");
  return inVersion(result, request.kind) ?? undefined;
}
