import { KubeError } from "#kube/error.ts";
import { PodStreamError } from "../../pod-streams.ts";
import { ApiError, type Status } from "../api-error.ts";
import type { Core } from "../core.ts";
import { ApplyConflictError } from "../patch/apply-conflict.ts";
import { PatchError } from "../patch/patch-error.ts";
import { ObjectTooLargeError } from "../storage/store.ts";
import { type ApiResponse, jsonResponse } from "./request.ts";

function failure(code: number, reason: string, message: string, details?: object): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  };
}

const reasons: Record<number, string> = {
  400: "BadRequest",
  404: "NotFound",
  413: "RequestEntityTooLarge",
  422: "Invalid",
  500: "InternalError",
};

/** The Status that tells a client what went wrong; unexpected errors go to the log as well. */
export function statusOf(error: unknown, core: Pick<Core, "log">, what: { method: string; path: string }): Status {
  if (error instanceof ApiError) return error.status;
  if (error instanceof PatchError) return failure(error.code, reasons[error.code] ?? "BadRequest", error.message);
  if (error instanceof ApplyConflictError) return failure(409, "Conflict", error.message, { causes: error.causes });
  if (error instanceof PodStreamError)
    return failure(error.code, reasons[error.code] ?? "InternalError", error.message);
  if (error instanceof ObjectTooLargeError)
    return failure(413, "RequestEntityTooLarge", `${error.message} is more than the 1.5 MiB that one object may have`);
  if (error instanceof KubeError) {
    const code = error.code >= 400 ? error.code : 500;
    return failure(code, error.status.reason ?? "InternalError", error.message, error.status.details);
  }
  core.log.error("request failed", { method: what.method, path: what.path, error });
  const message = error instanceof Error ? error.message : String(error);
  const full = /disk is full|no space/i.test(message)
    ? `${message}: free space on the disk that holds the cluster's data`
    : message;
  return failure(500, "InternalError", `Internal error occurred: ${full}`, { causes: [{ message: full }] });
}

export function failureResponse(status: Status): ApiResponse {
  const retry = status.details?.retryAfterSeconds;
  return jsonResponse(status, status.code, retry === undefined ? {} : { "retry-after": String(retry) });
}
