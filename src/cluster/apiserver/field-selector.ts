import { badRequest } from "./api-error.ts";

interface Term {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export type FieldMatch = (fields: Readonly<Record<string, string>>) => boolean;

/**
 * `a.b=c,d!=e` over the fields that a kind can be selected by. Throws a 400 for another field.
 * Backslash escapes `\`, `,` and `=`.
 */
export function parseFieldSelector(text: string, supported: (field: string) => boolean): FieldMatch {
  if (text.trim() === "") return () => true;
  const terms: Term[] = [];
  for (const part of text.split(/(?<!\\),/)) {
    if (part.trim() === "") continue;
    const match = /^(?<field>[^=!]+?)(?<operator>==|!=|=)(?<value>.*)$/s.exec(part.trim());
    const { field = "", operator = "", value = "" } = match?.groups ?? {};
    if (!match) throw badRequest(`invalid selector: ${JSON.stringify(part)}; can't understand ${JSON.stringify(part)}`);
    if (!supported(field)) throw badRequest(`field label not supported: ${field}`);
    terms.push({ field, equal: operator !== "!=", value: value.replaceAll(/\\([\\,=])/g, "$1") });
  }
  return (fields) => terms.every(({ field, equal, value }) => ((fields[field] ?? "") === value) === equal);
}
