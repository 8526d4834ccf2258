import { type FieldError, fieldError } from "./api-error.ts";
import type { Obj } from "./object.ts";

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = `${label}(\\.${label})*`;
const qualifiedName = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

const patterns = {
  label: new RegExp(`^${label}$`),
  subdomain: new RegExp(`^${subdomain}$`),
  service: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  qualified: new RegExp(`^${qualifiedName}$`),
  labelValue: new RegExp(`^(${qualifiedName})?$`),
};

const advice = {
  label: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
  subdomain: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain}')`,
  service:
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  qualified: `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualifiedName}')`,
  labelValue: `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${qualifiedName})?')`,
};

export type NameRule = "subdomain" | "label" | "service" | "path";

/** What is wrong with a name by its kind's rule (k8s.io/apimachinery `validation`), or undefined. */
export function nameProblem(name: string, rule: NameRule): string | undefined {
  if (rule === "path") {
    if (name === "." || name === "..") return `may not be '${name}'`;
    if (name.includes("/")) return "may not contain '/'";
    return name.includes("%") ? "may not contain '%'" : undefined;
  }
  const limit = rule === "subdomain" ? 253 : 63;
  if (name.length > limit) return `must be no more than ${limit} characters`;
  return patterns[rule].test(name) ? undefined : advice[rule];
}

function qualifiedProblem(key: string): string | undefined {
  const slash = key.lastIndexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix !== undefined) {
    if (prefix === "") return "prefix part must be non-empty";
    if (prefix.length > 253 || !patterns.subdomain.test(prefix)) return `prefix part ${advice.subdomain}`;
  }
  if (name === "") return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 characters";
  return patterns.qualified.test(name) ? undefined : advice.qualified;
}

export function validateLabels(labels: Readonly<Record<string, string>>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const problem = qualifiedProblem(key);
    if (problem) errors.push(fieldError.invalid(field, key, problem));
    if (value.length > 63) errors.push(fieldError.invalid(field, value, "must be no more than 63 characters"));
    else if (!patterns.labelValue.test(value)) errors.push(fieldError.invalid(field, value, advice.labelValue));
  }
  return errors;
}

const annotationBytes = 256 * 1024;

/** Metadata rules that hold for every kind. */
export function validateMeta(object: Obj, rule: NameRule): FieldError[] {
  const { name = "", generateName = "", labels = {}, annotations = {}, finalizers = [] } = object.metadata;
  const errors: FieldError[] = [];
  if (name === "") errors.push(fieldError.required("metadata.name", "name or generateName is required"));
  else {
    const problem = nameProblem(name, rule);
    if (problem) {
      if (generateName !== "") errors.push(fieldError.invalid("metadata.generateName", generateName, problem));
      errors.push(fieldError.invalid("metadata.name", name, problem));
    }
  }
  errors.push(...validateLabels(labels, "metadata.labels"));
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const problem = qualifiedProblem(key.toLowerCase());
    if (problem) errors.push(fieldError.invalid("metadata.annotations", key, problem));
    size += key.length + value.length;
  }
  if (size > annotationBytes)
    errors.push({
      reason: "FieldValueTooLong",
      field: "metadata.annotations",
      message: `Too long: may not be more than ${annotationBytes} bytes`,
    });
  for (const finalizer of finalizers) {
    const problem = qualifiedProblem(finalizer);
    if (problem) errors.push(fieldError.invalid("metadata.finalizers", finalizer, problem));
  }
  const controllers = (object.metadata.ownerReferences ?? []).filter((owner) => owner.controller === true);
  if (controllers.length > 1)
    errors.push(
      fieldError.invalid("metadata.ownerReferences", controllers, "Only one reference can have Controller set to true"),
    );
  return errors;
}
