import type { Lease } from "kubernetes-types/coordination/v1.d.ts";
import type { PriorityClass } from "kubernetes-types/scheduling/v1.d.ts";
import type { StorageClass } from "kubernetes-types/storage/v1.d.ts";
import { at, isFields } from "../object.ts";
import { age, ageColumn, column, nameColumn, textAt } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

const leases = defineKind<Lease>(
  { group: "coordination.k8s.io", kind: "Lease", plural: "leases" },
  {
    table: {
      columns: [nameColumn, column("Holder"), ageColumn],
      cells: (object) => [object.metadata?.name ?? "", textAt(object, "spec.holderIdentity", ""), age(object)],
    },
  },
);

const storageClasses = defineKind<StorageClass>(
  { group: "storage.k8s.io", kind: "StorageClass", plural: "storageclasses" },
  {
    namespaced: false,
    shortNames: ["sc"],
    defaults(storage) {
      storage.reclaimPolicy ||= "Delete";
      storage.volumeBindingMode ||= "Immediate";
    },
    table: {
      columns: [
        nameColumn,
        column("Provisioner"),
        column("ReclaimPolicy"),
        column("VolumeBindingMode"),
        column("AllowVolumeExpansion", "boolean"),
        ageColumn,
      ],
      cells: (object) => [
        `${object.metadata?.name ?? ""}${object.metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true" ? " (default)" : ""}`,
        object.provisioner,
        object.reclaimPolicy ?? "",
        object.volumeBindingMode ?? "",
        object.allowVolumeExpansion ?? false,
        age(object),
      ],
    },
  },
);

const priorityClasses = defineKind<PriorityClass>(
  { group: "scheduling.k8s.io", kind: "PriorityClass", plural: "priorityclasses" },
  {
    namespaced: false,
    shortNames: ["pc"],
    generation: true,
    defaults(priority) {
      priority.preemptionPolicy ||= "PreemptLowerPriority";
    },
    table: {
      columns: [
        nameColumn,
        column("Value", "integer"),
        column("Global-Default", "boolean"),
        ageColumn,
        column("PreemptionPolicy"),
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        object.value,
        object.globalDefault ?? false,
        age(object),
        object.preemptionPolicy ?? "",
      ],
    },
  },
);

const apiServices = defineKind(
  { group: "apiregistration.k8s.io", kind: "APIService", plural: "apiservices" },
  {
    namespaced: false,
    categories: ["api-extensions"],
    status: true,
    statusOnCreate: true,
    nameRule: "path",
    table: {
      columns: [nameColumn, column("Service"), column("Available"), ageColumn],
      cells: (object) => {
        const service = at(object, "spec.service");
        const conditions = at(object, "status.conditions");
        const available = (Array.isArray(conditions) ? conditions : []).find((one) => at(one, "type") === "Available");
        return [
          object.metadata.name ?? "",
          isFields(service) ? `${String(service["namespace"])}/${String(service["name"])}` : "Local",
          textAt(available, "status", "Unknown"),
          age(object),
        ];
      },
    },
  },
);

/** Answered at once and never stored; `rest/review.ts` does them. */
function review(group: string, kind: string, plural: string, namespaced = false): Kind {
  return defineKind({ group, kind, plural }, { namespaced, verbs: ["create"] });
}

export const smallKinds: readonly Kind[] = [
  leases,
  storageClasses,
  priorityClasses,
  apiServices,
  review("authentication.k8s.io", "TokenReview", "tokenreviews"),
  review("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
  review("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews"),
  review("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
  review("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
  review("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", true),
];
