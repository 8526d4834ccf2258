import { createRequire } from "node:module";
import type { CelInput } from "@bufbuild/cel";
import { createLog } from "#log/log.ts";
import type { FieldError } from "../api-error.ts";
import type { CelEngine } from "./cel-engine.ts";
import { celValue } from "./cel-value.ts";
import type { JSONSchema, ValidationRule } from "./json-schema.ts";

type Variables = Record<string, CelInput>;
type Program = (variables: Variables) => unknown;

const log = createLog("cel");
const programs = new Map<string, Program | undefined>();
const loadModule = createRequire(import.meta.url);

/** Rules are compiled once; one that can't be is said in the log and left out. */
function compile(rule: string): Program | undefined {
  if (programs.has(rule)) return programs.get(rule);
  // Loaded when the first rule comes: it is large, and a cluster may have none.
  const { compileCel } = loadModule("./cel-engine.ts") as CelEngine;
  let program: Program | undefined;
  try {
    program = compileCel(rule);
  } catch (error) {
    log.warn("a validation rule can't be compiled and is not checked", { rule, why: String(error) });
  }
  if (programs.size > 10_000) programs.clear();
  programs.set(rule, program);
  return program;
}

/**
 * Evaluates a node's `x-kubernetes-validations` (CEL) for {@link "./structural.ts"}. Rules that mention `oldSelf` are about
 * changes: they wait until there is an old value (Kubernetes: "transition rules").
 */
export function celRules(value: unknown, old: unknown, schema: JSONSchema, path: string): FieldError[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  if (rules.length === 0) return [];
  const self = celValue(value, schema);
  const oldSelf = old === undefined ? undefined : celValue(old, schema);
  return rules.flatMap((rule) => {
    if (/\boldSelf\b/.test(rule.rule) && oldSelf === undefined) return [];
    return checkRule(rule, { self, ...(oldSelf === undefined ? {} : { oldSelf }) }, schema, path);
  });
}

function checkRule(rule: ValidationRule, variables: Variables, schema: JSONSchema, path: string): FieldError[] {
  const program = compile(rule.rule);
  if (!program) return [];
  let detail: string;
  // An error is a value here, and not true.
  const result = program(variables);
  if (result === true) return [];
  if (result === false) detail = messageOf(rule, variables);
  else {
    const why = result instanceof Error ? (result.message.split("\n")[0] ?? "") : `got ${typeof result}, want bool`;
    detail = `${why} evaluating rule: ${rule.message ?? rule.rule}`;
  }
  const field = rule.fieldPath ? `${path}${rule.fieldPath}`.replace(/^\./, "") : path;
  return [fieldErrorOf(rule.reason, field, schema.type ?? "string", detail)];
}

function messageOf({ rule, message, messageExpression }: ValidationRule, variables: Variables): string {
  if (messageExpression) {
    // The plain message is the fallback (Kubernetes).
    const text = compile(messageExpression)?.(variables);
    if (typeof text === "string" && text.trim() !== "" && !text.includes("\n")) return text;
  }
  return message ?? `failed rule: ${rule.trim()}`;
}

/** Kubernetes names the type in place of the value. */
function fieldErrorOf(reason: string | undefined, field: string, type: string, detail: string): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return { reason, field, message: `Forbidden: ${detail}` };
    case "FieldValueRequired":
      return { reason, field, message: `Required value: ${detail}` };
    case "FieldValueDuplicate":
      return { reason, field, message: `Duplicate value: ${JSON.stringify(type)}` };
    default:
      return { reason: "FieldValueInvalid", field, message: `Invalid value: ${JSON.stringify(type)}: ${detail}` };
  }
}
