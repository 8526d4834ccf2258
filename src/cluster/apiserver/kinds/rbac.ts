import { isDeepStrictEqual } from "node:util";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from "kubernetes-types/rbac/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { age, ageColumn, column, nameColumn } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

const rbac = (kind: string, plural: string) => ({ group: "rbac.authorization.k8s.io", kind, plural });

const createdAt = {
  columns: [nameColumn, { name: "Created At", type: "date" as const }],
  cells: (object: Role | ClusterRole) => [object.metadata?.name ?? "", object.metadata?.creationTimestamp ?? null],
};

type Binding = Pick<RoleBinding, "metadata" | "roleRef" | "subjects">;

function defaultBinding(binding: Binding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= "rbac.authorization.k8s.io";
  for (const subject of binding.subjects ?? [])
    subject.apiGroup ??= subject.kind === "ServiceAccount" ? "" : "rbac.authorization.k8s.io";
  for (const subject of binding.subjects ?? []) if (subject.apiGroup === "") delete subject.apiGroup;
}

function validateBinding(binding: Binding, roleKinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (!binding.roleRef?.name) errors.push(fieldError.required("roleRef.name"));
  if (!roleKinds.includes(binding.roleRef?.kind))
    errors.push(fieldError.unsupported("roleRef.kind", binding.roleRef?.kind ?? "", roleKinds));
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    if (!subject.name) errors.push(fieldError.required(`subjects[${index}].name`));
    const kinds = ["ServiceAccount", "User", "Group"];
    if (!kinds.includes(subject.kind))
      errors.push(fieldError.unsupported(`subjects[${index}].kind`, subject.kind, kinds));
    if (subject.kind === "ServiceAccount" && !subject.namespace)
      errors.push(fieldError.required(`subjects[${index}].namespace`));
  }
  return errors;
}

const roleRefKept = (binding: Binding, old: Binding): FieldError[] =>
  isDeepStrictEqual(binding.roleRef, old.roleRef)
    ? []
    : [fieldError.invalid("roleRef", binding.roleRef, "cannot change roleRef")];

function subjectNames(subjects: readonly Subject[] = [], kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace}/${name}` : name))
    .join(", ");
}

const bindingTable = {
  columns: [
    nameColumn,
    column("Role"),
    ageColumn,
    column("Users", "string", 1),
    column("Groups", "string", 1),
    column("ServiceAccounts", "string", 1),
  ],
  cells: (object: Binding) => [
    object.metadata?.name ?? "",
    `${object.roleRef?.kind}/${object.roleRef?.name}`,
    age({ metadata: object.metadata ?? {} }),
    ...["User", "Group", "ServiceAccount"].map((kind) => subjectNames(object.subjects, kind)),
  ],
};

export const rbacKinds: readonly Kind[] = [
  defineKind<Role>(rbac("Role", "roles"), { nameRule: "path", table: createdAt }),
  defineKind<ClusterRole>(rbac("ClusterRole", "clusterroles"), {
    namespaced: false,
    nameRule: "path",
    table: createdAt,
  }),
  defineKind<RoleBinding>(rbac("RoleBinding", "rolebindings"), {
    nameRule: "path",
    defaults: defaultBinding,
    validate: (binding) => validateBinding(binding, ["Role", "ClusterRole"]),
    validateUpdate: roleRefKept,
    table: bindingTable,
  }),
  defineKind<ClusterRoleBinding>(rbac("ClusterRoleBinding", "clusterrolebindings"), {
    namespaced: false,
    nameRule: "path",
    defaults: defaultBinding,
    validate: (binding) => validateBinding(binding, ["ClusterRole"]),
    validateUpdate: roleRefKept,
    table: bindingTable,
  }),
];
