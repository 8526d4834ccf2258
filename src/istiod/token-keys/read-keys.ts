import { readKeySet } from "#config/key-set.ts";
import { isWebUrl } from "#model/web-url.ts";
import type { KeySource } from "#snapshot/key-source.ts";

/**
 * The text of the key set at a source, for Envoy; `fetchText` gets what is at a URL. Throws an Error that says what is wrong, and
 * nothing of what was answered: the source may be something that isn't meant to be seen.
 */
export async function readKeys(source: KeySource, fetchText: (url: string) => Promise<string>): Promise<string> {
  const url = source.kind === "keys" ? source.url : discovered(await fetchText(source.url));
  const keys = readKeySet(await fetchText(url));
  if (typeof keys === "string") throw new Error(`what it answers is no JSON Web Key Set: it ${keys}`);
  return keys.text;
}

/** OpenID Connect Discovery 1.0 §4.2. */
function discovered(text: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error("what the issuer answers is not JSON");
  }
  const uri = typeof parsed === "object" && parsed !== null && "jwks_uri" in parsed ? parsed.jwks_uri : undefined;
  if (typeof uri !== "string" || !isWebUrl(uri)) throw new Error("what the issuer answers has no jwks_uri");
  return uri;
}
