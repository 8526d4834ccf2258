import { randomInt } from "node:crypto";

/** Kubernetes' alphabet for generated names: no vowels, nothing that looks like another. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

export function generatedSuffix(): string {
  let suffix = "";
  for (let index = 0; index < 5; index++) suffix += alphabet[randomInt(alphabet.length)];
  return suffix;
}

/** `generateName` made a name; the prefix is cut so that the name fits a label. */
export function generatedName(prefix: string): string {
  return prefix.slice(0, 58) + generatedSuffix();
}
