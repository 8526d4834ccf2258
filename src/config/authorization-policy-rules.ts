import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from "#api/istio/authorization-policy.ts";
import { isSubnet } from "#model/ip.ts";
import { isMatchableHeader } from "./header-rules.ts";
import { pathTemplateComplaint } from "./path-template.ts";
import { checkPolicyAttachment } from "./policy-attachment-rules.ts";
import type { Report } from "./report.ts";

interface Identity {
  readonly annotations: Readonly<Record<string, unknown>>;
}

const dryRunAnnotation = "istio.io/dry-run";
const truths: ReadonlySet<unknown> = new Set(
  ["1", "t", "T", "TRUE", "true", "True"].concat(["0", "f", "F", "FALSE", "false", "False"]),
);

/** Istio: ValidateAuthorizationPolicy. */
export function checkAuthorizationPolicy(spec: AuthorizationPolicySpec, report: Report, identity: Identity): void {
  const { action = "ALLOW", rules, provider } = spec;
  checkPolicyAttachment(spec, report);
  checkDryRun(action, identity.annotations[dryRunAnnotation], report);
  if (action === "CUSTOM" && !provider?.name) report.error("spec.provider.name", "is required for CUSTOM");
  if (action !== "CUSTOM" && provider) report.error("spec.provider", `goes with CUSTOM only, not with ${action}`);
  if ((action === "CUSTOM" || action === "DENY") && !rules?.length)
    report.error("spec.rules", `is required for ${action}: an empty rule, {}, is for all calls`);
  rules?.forEach((rule, index) => {
    const field = `spec.rules[${index}]`;
    checkRule(rule, field, report);
    if (action === "CUSTOM") checkAsked(rule, field, report);
    if (action === "DENY") warnOfConnections(rule, field, report);
  });
}

function checkDryRun(action: string, annotation: unknown, report: Report): void {
  if (annotation === undefined) return;
  const field = `metadata.annotations[${JSON.stringify(dryRunAnnotation)}]`;
  if (!truths.has(annotation)) report.error(field, "must be true or false", annotation);
  if (action !== "ALLOW" && action !== "DENY") report.error(field, `goes with ALLOW and DENY only, not with ${action}`);
}

function checkRule({ from, to, when }: AuthorizationRule, field: string, report: Report): void {
  if (from?.length === 0) report.error(`${field}.from`, "must have an item, or be left out");
  if (to?.length === 0) report.error(`${field}.to`, "must have an item, or be left out");
  from?.forEach(({ source }, index) => checkSource(source, `${field}.from[${index}].source`, report));
  to?.forEach(({ operation }, index) => checkOperation(operation, `${field}.to[${index}].operation`, report));
  when?.forEach((condition, index) => checkCondition(condition, `${field}.when[${index}]`, report));
}

type Values = readonly string[] | undefined;

/** Some values become regular expressions, of which Envoy takes no larger ones than it is told to (32768 steps). */
const longestValue = 4096;

/** Reports every value that `complaint` has something to say of; an empty one, and one that is too long, always. */
function checkValues(
  values: Values,
  field: string,
  report: Report,
  complaint: (value: string) => string | undefined = () => undefined,
): void {
  values?.forEach((value, index) => {
    const tooLong = value.length > longestValue && `must have at most ${longestValue} characters`;
    const message = value === "" ? "must not be empty" : tooLong || complaint(value);
    if (message) report.error(`${field}[${index}]`, message, value);
  });
}

function addressComplaint(value: string): string | undefined {
  return isSubnet(value) ? undefined : "is not an IP address, nor a range such as 10.0.0.0/8";
}

function portComplaint(value: string): string | undefined {
  return /^\d{1,5}$/.test(value) && Number(value) <= 65535 ? undefined : "is not a port number";
}

function accountComplaint(value: string): string | undefined {
  if (value.includes("*")) return "must not have a wildcard";
  return /^[^/]+(\/[^/]+)?$/.test(value) ? undefined : "must be an account, or NAMESPACE/ACCOUNT";
}

const addressLists = ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] as const;
const accountLists = ["serviceAccounts", "notServiceAccounts"] as const;
const identityLists = ["principals", "notPrincipals", "namespaces", "notNamespaces"] as const;
const trustLists = ["trustDomains", "notTrustDomains"] as const;
const tokenLists = ["requestPrincipals", "notRequestPrincipals"] as const;

function checkSource(source: AuthorizationSource | undefined, field: string, report: Report): void {
  if (source === undefined || Object.values(source).every((list: Values) => !list?.length))
    return report.error(field, "must say something of who calls");
  for (const name of addressLists) checkValues(source[name], `${field}.${name}`, report, addressComplaint);
  for (const name of accountLists) checkValues(source[name], `${field}.${name}`, report, accountComplaint);
  for (const name of [...identityLists, ...trustLists, ...tokenLists])
    checkValues(source[name], `${field}.${name}`, report);
  if (accountLists.some((name) => source[name]) && identityLists.some((name) => source[name]))
    report.error(field, "serviceAccounts can't be set with namespaces or principals");
}

function checkOperation(operation: AuthorizationOperation | undefined, field: string, report: Report): void {
  if (operation === undefined || Object.values(operation).every((list: Values) => !list?.length))
    return report.error(field, "must say something of what is called");
  for (const name of ["ports", "notPorts"] as const)
    checkValues(operation[name], `${field}.${name}`, report, portComplaint);
  for (const name of ["paths", "notPaths"] as const)
    checkValues(operation[name], `${field}.${name}`, report, pathTemplateComplaint);
  for (const name of ["hosts", "notHosts", "methods", "notMethods"] as const)
    checkValues(operation[name], `${field}.${name}`, report);
}

/** Attributes without a name in brackets, and what may be wrong with their values. */
const attributes: ReadonlyMap<string, (value: string) => string | undefined> = new Map([
  ["source.ip", addressComplaint],
  ["remote.ip", addressComplaint],
  ["source.namespace", () => undefined],
  ["source.serviceAccount", accountComplaint],
  ["source.principal", () => undefined],
  ["source.trustDomain", () => undefined],
  ["request.auth.principal", () => undefined],
  ["request.auth.audiences", () => undefined],
  ["request.auth.presenter", () => undefined],
  ["destination.ip", addressComplaint],
  ["destination.port", portComplaint],
  ["connection.sni", () => undefined],
]);

function checkCondition({ key, values, notValues }: AuthorizationCondition, field: string, report: Report): void {
  const complaint = attributes.get(key);
  if (complaint === undefined && !isNamedAttribute(key)) {
    const known = [...attributes.keys(), "request.headers[NAME]", "request.auth.claims[NAME]"].join(", ");
    return report.error(`${field}.key`, `is not an attribute: use one of ${known}`, key);
  }
  if (!values?.length && !notValues?.length) report.error(field, `needs values or notValues for ${key}`);
  checkValues(values, `${field}.values`, report, complaint);
  checkValues(notValues, `${field}.notValues`, report, complaint);
}

function isNamedAttribute(key: string): boolean {
  const [, kind = "", name = ""] = /^([a-zA-Z_.-]+)\[(.+)\]$/s.exec(key) ?? [];
  if (kind === "request.headers" || kind === "request.experimental.inline.headers") return isMatchableHeader(name);
  return kind === "request.auth.claims" || kind.startsWith("experimental.envoy.filters.");
}

/** What Istio can't say of calls that somebody else decides on. */
function checkAsked({ from, when }: AuthorizationRule, field: string, report: Report): void {
  const message = "is not supported with CUSTOM";
  from?.forEach(({ source }, index) => {
    for (const name of [...identityLists, ...accountLists, ...tokenLists])
      if (source?.[name]?.length) report.error(`${field}.from[${index}].source.${name}`, message);
  });
  when?.forEach(({ key }, index) => {
    const isOfCaller = ["source.namespace", "source.serviceAccount", "source.principal"].includes(key);
    if (isOfCaller || key.startsWith("request.auth.")) report.error(`${field}.when[${index}].key`, message, key);
  });
}

/** Of connections that aren't HTTP, what only requests have is left out of the rule, so that more is forbidden. */
function warnOfConnections({ from, to }: AuthorizationRule, field: string, report: Report): void {
  const seenInFrom = from?.some(({ source }) =>
    [...addressLists, ...accountLists, ...identityLists, ...trustLists].some((name) => source?.[name]),
  );
  const seenInTo = to?.some(({ operation }) => operation?.ports ?? operation?.notPorts);
  const isBlind = to?.length ? !seenInTo : Boolean(from?.length) && !seenInFrom;
  if (isBlind)
    report.warning(
      field,
      "has nothing but attributes of HTTP, so it forbids all calls to TCP ports: better name ports",
    );
}
