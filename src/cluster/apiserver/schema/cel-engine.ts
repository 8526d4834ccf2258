import { isIP } from "node:net";
import {
  type CelFunc,
  type CelInput,
  CelScalar,
  celEnv,
  celFunc,
  celMethod,
  listType,
  parse,
  plan,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { RE2JS } from "re2js";
import { matchesPattern } from "./pattern.ts";

const { STRING, BOOL, INT, DYN } = CelScalar;

/** Kubernetes' own functions that Istio's and the Gateway API's rules use. A URL is its text. */
const kubernetesFunctions: readonly CelFunc[] = [
  celFunc("isURL", [STRING], BOOL, (text) => parseUrl(text) !== undefined),
  celFunc("url", [STRING], STRING, (text) => {
    if (parseUrl(text) === undefined) throw new Error(`URL parse error during conversion from string: ${text}`);
    return text;
  }),
  celMethod("getScheme", STRING, [], STRING, function () {
    return parseUrl(this)?.protocol.slice(0, -1) ?? "";
  }),
  celMethod("getHost", STRING, [], STRING, function () {
    return parseUrl(this)?.host ?? "";
  }),
  celMethod("getHostname", STRING, [], STRING, function () {
    return parseUrl(this)?.hostname ?? "";
  }),
  celMethod("getPort", STRING, [], STRING, function () {
    return parseUrl(this)?.port ?? "";
  }),
  celMethod("getEscapedPath", STRING, [], STRING, function () {
    return parseUrl(this)?.pathname ?? "";
  }),
  celFunc("isIP", [STRING], BOOL, (text) => isIP(text) > 0),
  celMethod("find", STRING, [STRING], STRING, function (pattern) {
    const matcher = RE2JS.compile(pattern).matcher(this);
    return matcher.find() ? (matcher.group() ?? "") : "";
  }),
  celMethod("indexOf", listType(DYN), [DYN], INT, function (item) {
    return BigInt([...this].indexOf(item));
  }),
  celFunc("format.dns1123Label", [], STRING, () => "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
  celFunc("format.dns1123Subdomain", [], STRING, () => "^(?!.{254})[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
  celMethod("validate", STRING, [STRING], DYN, function (text) {
    return new RegExp(this).test(text) ? null : [`${text} does not match ${this}`];
  }),
];

/** Go parses a relative reference too, such as a path alone. */
function parseUrl(text: string): URL | undefined {
  const absolute = URL.parse(text);
  if (absolute) return absolute;
  return text.startsWith("/") ? (URL.parse(text, "file://") ?? undefined) : undefined;
}

const environment = celEnv({
  funcs: [...strings, ...kubernetesFunctions],
  re2: { compile: (pattern) => ({ test: (text) => matchesPattern(pattern, text) }) },
});

/**
 * Compiles a rule; throws when it is not CEL. A program answers a value, or an error as a value.
 * @public loaded on demand, by its type {@link CelEngine}
 */
export function compileCel(rule: string): (variables: Record<string, CelInput>) => unknown {
  return plan(environment, parse(rule));
}

export interface CelEngine {
  readonly compileCel: typeof compileCel;
}
