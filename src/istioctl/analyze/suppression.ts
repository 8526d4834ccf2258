import { UsageError } from "../usage-error.ts";
import type { Message } from "./message.ts";

/** A message that the user doesn't want to hear about some objects. */
export interface Suppression {
  readonly code: string;
  readonly matches: (message: Message) => boolean;
}

/**
 * `CODE=Kind name.namespace` (or `namespace/name`), where `*` stands for any text. Throws {@link UsageError}. (Istio: --suppress.)
 */
export function parseSuppression(text: string): Suppression {
  const [, code = "", resource = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (code === "")
    throw new UsageError(`--suppress ${text}: expected CODE=Kind name.namespace, such as "IST0103=Pod mypod.testing"`);
  const escaped = resource.replace(/[.*+?^${}()|[\]\\]/g, (character) => (character === "*" ? ".*" : `\\${character}`));
  const pattern = new RegExp(`^${escaped}$`, "s");
  return { code, matches: (message) => message.code === code && namesOf(message).some((name) => pattern.test(name)) };
}

/** Both ways in which Istio's documentation and messages call an object. */
function namesOf({ object: { kind = "", metadata } }: Message): string[] {
  const { namespace, name = "" } = metadata ?? {};
  return namespace ? [`${kind} ${name}.${namespace}`, `${kind} ${namespace}/${name}`] : [`${kind} ${name}`];
}

/** Whether the object's own annotation silences the message. (Istio: galley.istio.io/analyze-suppress.) */
export function isSilenced({ code, object }: Message): boolean {
  const codes: unknown = object.metadata?.annotations?.["galley.istio.io/analyze-suppress"];
  // In a file it may be anything.
  if (typeof codes !== "string") return false;
  return codes.split(",").some((entry) => entry.trim() === "*" || entry.trim() === code);
}
