import { ApiError } from "../api-error.ts";
import { isJsonObject } from "../patch/json-value.ts";

export interface ReviewAnswer {
  readonly warnings: readonly string[];
  /** RFC 6902 operations; undefined when nothing is to change. */
  readonly patch: unknown;
}

/** A webhook said no: to be shown to the user, never ignored. */
export class DeniedError extends ApiError {}

const maxWarnings = 50;
const maxWarningLength = 1024;

/** Reads an AdmissionReview. Throws {@link DeniedError} for a refusal, a plain error for an answer that isn't one. */
export function readAnswer(webhook: string, uid: string, answer: unknown): ReviewAnswer {
  const response = isJsonObject(answer) ? answer["response"] : undefined;
  if (!isJsonObject(response)) throw new Error("the webhook's answer has no response");
  if (response["uid"] !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response["uid"])}`);
  const warnings = Array.isArray(response["warnings"])
    ? response["warnings"]
        .filter((warning) => typeof warning === "string")
        .slice(0, maxWarnings)
        .map((warning) => warning.slice(0, maxWarningLength))
    : [];
  if (response["allowed"] !== true) throw denied(webhook, response["status"]);
  return { warnings, patch: readPatch(response) };
}

function readPatch(response: Readonly<Record<string, unknown>>): unknown {
  const { patch, patchType } = response;
  if (patch === undefined || patch === null || patch === "") return undefined;
  if (patchType !== undefined && patchType !== "JSONPatch")
    throw new Error(`the webhook's patchType is ${JSON.stringify(patchType)}; only JSONPatch is known`);
  if (typeof patch !== "string") throw new Error("the webhook's patch is not base64 text");
  return JSON.parse(Buffer.from(patch, "base64").toString("utf8")) as unknown;
}

/** Kubernetes: `webhook/errors.ToStatusErr`. */
function denied(webhook: string, status: unknown): DeniedError {
  const { message, reason, code, details } = isJsonObject(status) ? status : {};
  const text = [message, reason].find((part): part is string => typeof part === "string" && part !== "");
  const start = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  return new DeniedError(
    typeof code === "number" && code >= 400 && code < 600 ? code : 400,
    typeof reason === "string" ? reason : "",
    text === undefined ? `${start} without explanation` : `${start}: ${text}`,
    isJsonObject(details) ? details : undefined,
  );
}
