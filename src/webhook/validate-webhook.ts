import { formatFieldError } from "#config/field-error.ts";
import { kindNamed } from "#config/kinds.ts";
import type { KubeObject } from "#kube/object.ts";
import type { AdmissionAnswer, AdmissionRequest } from "./admission.ts";
import { alwaysReject } from "./ca-bundle.ts";

/** More errors than this in one resource help nobody. */
const maxErrors = 10;

/** Whether a mesh resource may be stored. The message names resource, field and value of each error. */
export function reviewResource(request: AdmissionRequest): AdmissionAnswer {
  const object = request.object as KubeObject | null | undefined;
  if (!object) return { allowed: true };
  const { name, generateName, namespace = request.namespace, annotations } = object.metadata ?? {};
  const subject = `${request.kind.kind} ${namespace ? `${namespace}/` : ""}${name ?? `${generateName ?? ""}?`}`;
  if (annotations?.[alwaysReject] === "true")
    return { allowed: false, message: `${subject}: refused, because it has the annotation ${alwaysReject}` };
  const kind = kindNamed(request.kind.kind);
  if (!kind || kind.group !== request.kind.group)
    return { allowed: false, message: `${subject}: ${request.kind.group} has no kind ${request.kind.kind} here` };
  const { errors, warnings } = kind.validate(object);
  const told = warnings.map((warning) => `${subject}: ${formatFieldError(warning)}`);
  if (errors.length === 0) return { allowed: true, warnings: told };
  const lines = errors.slice(0, maxErrors).map(formatFieldError);
  if (errors.length > maxErrors) lines.push(`and ${errors.length - maxErrors} more`);
  return { allowed: false, message: `${subject}: ${lines.join("; ")}`, warnings: told };
}
