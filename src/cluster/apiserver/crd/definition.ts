import { type FieldError, fieldError } from "../api-error.ts";
import { defineKind, type Kind, type StrategyContext } from "../kinds/kind.ts";
import { timestamp } from "../object.ts";
import { nameProblem } from "../validation-names.ts";
import type { Condition, Definition } from "./definition-types.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** Replaces a condition; its time moves only when its status does. */
function setCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, "lastTransitionTime">,
  now: string,
): Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const lastTransitionTime = before?.status === next.status ? (before.lastTransitionTime ?? now) : now;
  return [...conditions.filter(({ type }) => type !== next.type), { lastTransitionTime, ...next }];
}

/** Names that another kind of the same group has already. */
function nameConflict(definition: Definition, context: StrategyContext): string | undefined {
  const { group, names } = definition.spec;
  const taken = context.servedBy(group, names.plural);
  if (taken && !taken.custom) return `"${names.plural}" is already in use`;
  for (const other of context.list("customresourcedefinitions.apiextensions.k8s.io") as unknown as Definition[]) {
    if (other.spec.group !== group || other.metadata.name === definition.metadata.name) continue;
    if (other.spec.names.kind === names.kind) return `"${names.kind}" is already in use`;
    if (other.spec.names.plural === names.plural) return `"${names.plural}" is already in use`;
  }
  return undefined;
}

function accept(definition: Definition, context: StrategyContext): void {
  const before = definition.status?.conditions ?? [];
  const problem = nameConflict(definition, context);
  const { now } = context;
  const named = setCondition(
    before,
    problem
      ? { type: "NamesAccepted", status: "False", reason: "PluralConflict", message: problem }
      : { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" },
    now,
  );
  const established = before.some(({ type, status }) => type === "Established" && status === "True");
  const conditions = setCondition(
    named,
    problem && !established
      ? { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" }
      : {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        },
    now,
  );
  const storage = definition.spec.versions.find((version) => version.storage)?.name;
  definition.status = {
    conditions,
    acceptedNames: structuredClone(definition.spec.names),
    storedVersions: [...new Set([...(definition.status?.storedVersions ?? []), ...(storage ? [storage] : [])])],
  };
}

function validateDefinition({ metadata, spec }: Definition): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec?.group) errors.push(fieldError.required("spec.group"));
  if (!spec?.names?.plural) errors.push(fieldError.required("spec.names.plural"));
  if (!spec?.names?.kind) errors.push(fieldError.required("spec.names.kind"));
  if (errors.length) return errors;
  const expected = `${spec.names.plural}.${spec.group}`;
  if (metadata.name !== expected)
    errors.push(fieldError.invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  const problem = nameProblem(spec.names.plural, "service");
  if (problem) errors.push(fieldError.invalid("spec.names.plural", spec.names.plural, problem));
  if (spec.scope !== "Namespaced" && spec.scope !== "Cluster")
    errors.push(fieldError.unsupported("spec.scope", spec.scope, ["Cluster", "Namespaced"]));
  if (!Array.isArray(spec.versions) || spec.versions.length === 0)
    return [...errors, fieldError.required("spec.versions")];
  if (spec.versions.filter(({ storage }) => storage).length !== 1)
    errors.push(
      fieldError.invalid(
        "spec.versions",
        spec.versions.map(({ name }) => name),
        "must have exactly one version marked as storage version",
      ),
    );
  const names = new Set<string>();
  for (const [index, version] of spec.versions.entries()) {
    const at = `spec.versions[${index}]`;
    if (names.has(version.name)) errors.push(fieldError.duplicate(`${at}.name`, version.name));
    names.add(version.name);
    if (!version.schema?.openAPIV3Schema)
      errors.push(fieldError.required(`${at}.schema.openAPIV3Schema`, "schemas are required"));
    else if (version.schema.openAPIV3Schema.type !== "object")
      errors.push(fieldError.required(`${at}.schema.openAPIV3Schema.type`, "must not be empty at the root"));
  }
  return errors;
}

function defaultDefinition({ spec }: Definition): void {
  if (!spec?.names?.kind) return;
  spec.names.singular ||= spec.names.kind.toLowerCase();
  spec.names.listKind ||= `${spec.names.kind}List`;
  spec.conversion ??= {};
  spec.conversion.strategy ||= "None";
}

const definitions = defineKind<Definition>(
  { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition", plural: "customresourcedefinitions" },
  {
    namespaced: false,
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    status: true,
    generation: true,
    defaults: defaultDefinition,
    prepareCreate(definition, context) {
      definition.metadata.finalizers = [...new Set([...(definition.metadata.finalizers ?? []), cleanupFinalizer])];
      delete definition.status;
      if (validateDefinition(definition).length === 0) accept(definition, context);
    },
    prepareUpdate(definition, _old, context) {
      if (validateDefinition(definition).length === 0) accept(definition, context);
    },
    markDeleting(definition) {
      definition.status = {
        ...definition.status,
        conditions: setCondition(
          definition.status?.conditions ?? [],
          {
            type: "Terminating",
            status: "True",
            reason: "InstanceDeletionPending",
            message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
          },
          timestamp(),
        ),
      };
    },
    validate: validateDefinition,
    validateUpdate(definition, old) {
      const kept: [string, unknown, unknown][] = [
        ["spec.group", definition.spec.group, old.spec.group],
        ["spec.names.plural", definition.spec.names.plural, old.spec.names.plural],
        ["spec.names.kind", definition.spec.names.kind, old.spec.names.kind],
        ["spec.scope", definition.spec.scope, old.spec.scope],
      ];
      return kept
        .filter(([, now, before]) => now !== before)
        .map(([field, now]) => fieldError.invalid(field, now, "field is immutable"));
    },
    table: {
      columns: [
        { name: "Name", type: "string", format: "name" },
        { name: "Created At", type: "date" },
      ],
      cells: ({ metadata }) => [metadata.name ?? "", metadata.creationTimestamp ?? null],
    },
  },
);

export const definitionKinds: readonly Kind[] = [definitions];
