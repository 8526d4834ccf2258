import { isDeepStrictEqual } from "node:util";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "kubernetes-types/apps/v1.d.ts";
import type { PodTemplate, ReplicationController } from "kubernetes-types/core/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import type { Mutable } from "../object.ts";
import {
  age,
  ageColumn,
  column,
  containerCells,
  labelText,
  nameColumn,
  numberAt,
  selectorText,
  textAt,
} from "./columns.ts";
import { defineKind, type Kind, type ScalePaths } from "./kind.ts";
import { defaultTemplate, validatePodSpec, validateWorkload } from "./pod-template.ts";

const scale: ScalePaths = {
  specReplicas: "spec.replicas",
  statusReplicas: "status.replicas",
  selector: "spec.selector",
};

const wide = [column("Containers", "string", 1), column("Images", "string", 1), column("Selector", "string", 1)];

function replicasError(replicas: unknown): FieldError[] {
  return typeof replicas === "number" && replicas < 0
    ? [fieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
    : [];
}

function selectorKept(selector: unknown, old: unknown): FieldError[] {
  return isDeepStrictEqual(selector, old) ? [] : [fieldError.invalid("spec.selector", selector, "field is immutable")];
}

const deployments = defineKind<Deployment>(
  { group: "apps", kind: "Deployment", plural: "deployments" },
  {
    shortNames: ["deploy"],
    categories: ["all"],
    status: true,
    scale,
    generation: true,
    defaults({ spec }) {
      if (!spec) return;
      spec.replicas ??= 1;
      spec.strategy ??= {};
      spec.strategy.type ||= "RollingUpdate";
      if (spec.strategy.type === "RollingUpdate") {
        spec.strategy.rollingUpdate ??= {};
        spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
        spec.strategy.rollingUpdate.maxSurge ??= "25%";
      }
      spec.revisionHistoryLimit ??= 10;
      spec.progressDeadlineSeconds ??= 600;
      defaultTemplate(spec.template);
    },
    validate: ({ spec }) => [
      ...validateWorkload(spec),
      ...replicasError(spec?.replicas),
      ...(spec?.strategy?.type === "Recreate" && spec.strategy.rollingUpdate
        ? [
            fieldError.forbidden(
              "spec.strategy.rollingUpdate",
              "may not be specified when strategy `type` is 'Recreate'",
            ),
          ]
        : []),
      ...(spec?.template?.spec?.restartPolicy && spec.template.spec.restartPolicy !== "Always"
        ? [fieldError.unsupported("spec.template.spec.restartPolicy", spec.template.spec.restartPolicy, ["Always"])]
        : []),
    ],
    validateUpdate: (deployment, old) => selectorKept(deployment.spec?.selector, old.spec?.selector),
    table: {
      columns: [
        nameColumn,
        column("Ready"),
        column("Up-to-date", "integer"),
        column("Available", "integer"),
        ageColumn,
        ...wide,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        `${numberAt(object, "status.readyReplicas")}/${numberAt(object, "spec.replicas")}`,
        numberAt(object, "status.updatedReplicas"),
        numberAt(object, "status.availableReplicas"),
        age(object),
        ...containerCells(object.spec?.template),
        selectorText(object.spec?.selector),
      ],
    },
  },
);

const replicaSets = defineKind<ReplicaSet>(
  { group: "apps", kind: "ReplicaSet", plural: "replicasets" },
  {
    shortNames: ["rs"],
    categories: ["all"],
    status: true,
    scale,
    generation: true,
    selectable: ["status.replicas"],
    selectableValue: (set) => String(set.status?.replicas ?? 0),
    defaults({ spec }) {
      if (!spec) return;
      spec.replicas ??= 1;
      defaultTemplate(spec.template);
    },
    validate: ({ spec }) => [...validateWorkload(spec), ...replicasError(spec?.replicas)],
    validateUpdate: (set, old) => selectorKept(set.spec?.selector, old.spec?.selector),
    table: {
      columns: [
        nameColumn,
        column("Desired", "integer"),
        column("Current", "integer"),
        column("Ready", "integer"),
        ageColumn,
        ...wide,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        numberAt(object, "spec.replicas"),
        numberAt(object, "status.replicas"),
        numberAt(object, "status.readyReplicas"),
        age(object),
        ...containerCells(object.spec?.template),
        selectorText(object.spec?.selector),
      ],
    },
  },
);

const statefulSets = defineKind<StatefulSet>(
  { group: "apps", kind: "StatefulSet", plural: "statefulsets" },
  {
    shortNames: ["sts"],
    categories: ["all"],
    status: true,
    scale,
    generation: true,
    defaults({ spec }) {
      if (!spec) return;
      spec.replicas ??= 1;
      spec.podManagementPolicy ||= "OrderedReady";
      spec.updateStrategy ??= {};
      spec.updateStrategy.type ||= "RollingUpdate";
      if (spec.updateStrategy.type === "RollingUpdate") {
        spec.updateStrategy.rollingUpdate ??= {};
        spec.updateStrategy.rollingUpdate.partition ??= 0;
      }
      spec.revisionHistoryLimit ??= 10;
      spec.persistentVolumeClaimRetentionPolicy ??= {};
      spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
      spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
      defaultTemplate(spec.template);
      for (const claim of spec.volumeClaimTemplates ?? []) {
        claim.apiVersion ??= "v1";
        claim.kind ??= "PersistentVolumeClaim";
        if (claim.spec) claim.spec.volumeMode ||= "Filesystem";
        (claim as Mutable<typeof claim>).status ??= { phase: "Pending" };
      }
    },
    validate: ({ spec }) => [
      ...validateWorkload(
        spec,
        spec?.volumeClaimTemplates?.map(({ metadata }) => metadata?.name ?? ""),
      ),
      ...replicasError(spec?.replicas),
    ],
    validateUpdate(set, old) {
      const frozen = (spec: StatefulSet["spec"]) => ({
        serviceName: spec?.serviceName,
        selector: spec?.selector,
        podManagementPolicy: spec?.podManagementPolicy,
        claims: spec?.volumeClaimTemplates,
      });
      return isDeepStrictEqual(frozen(set.spec), frozen(old.spec))
        ? []
        : [
            fieldError.forbidden(
              "spec",
              "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            ),
          ];
    },
    table: {
      columns: [nameColumn, column("Ready"), ageColumn, ...wide.slice(0, 2)],
      cells: (object) => [
        object.metadata?.name ?? "",
        `${numberAt(object, "status.readyReplicas")}/${numberAt(object, "spec.replicas")}`,
        age(object),
        ...containerCells(object.spec?.template),
      ],
    },
  },
);

const daemonSets = defineKind<DaemonSet>(
  { group: "apps", kind: "DaemonSet", plural: "daemonsets" },
  {
    shortNames: ["ds"],
    categories: ["all"],
    status: true,
    generation: true,
    defaults({ spec }) {
      if (!spec) return;
      spec.updateStrategy ??= {};
      spec.updateStrategy.type ||= "RollingUpdate";
      if (spec.updateStrategy.type === "RollingUpdate") {
        spec.updateStrategy.rollingUpdate ??= {};
        spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
        spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
      }
      spec.revisionHistoryLimit ??= 10;
      defaultTemplate(spec.template);
    },
    validate: ({ spec }) => validateWorkload(spec),
    validateUpdate: (set, old) => selectorKept(set.spec?.selector, old.spec?.selector),
    table: {
      columns: [
        nameColumn,
        ...["Desired", "Current", "Ready", "Up-to-date", "Available"].map((name) => column(name, "integer")),
        column("Node Selector"),
        ageColumn,
        ...wide,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        numberAt(object, "status.desiredNumberScheduled"),
        numberAt(object, "status.currentNumberScheduled"),
        numberAt(object, "status.numberReady"),
        numberAt(object, "status.updatedNumberScheduled"),
        numberAt(object, "status.numberAvailable"),
        labelText(object.spec?.template?.spec?.nodeSelector),
        age(object),
        ...containerCells(object.spec?.template),
        selectorText(object.spec?.selector),
      ],
    },
  },
);

const controllerRevisions = defineKind<ControllerRevision>(
  { group: "apps", kind: "ControllerRevision", plural: "controllerrevisions" },
  {
    table: {
      columns: [nameColumn, column("Controller"), column("Revision", "integer"), ageColumn],
      cells: (object) => {
        const owner = object.metadata?.ownerReferences?.find(({ controller }) => controller === true);
        const [group] = (owner?.apiVersion ?? "").split("/");
        const controller = owner ? `${owner.kind.toLowerCase()}.${group ?? ""}/${owner.name}` : "<none>";
        return [object.metadata?.name ?? "", controller, object.revision ?? 0, age(object)];
      },
    },
  },
);

const replicationControllers = defineKind<ReplicationController>(
  { group: "", kind: "ReplicationController", plural: "replicationcontrollers" },
  {
    shortNames: ["rc"],
    categories: ["all"],
    status: true,
    scale,
    generation: true,
    defaults(object) {
      const { spec } = object;
      if (!spec) return;
      spec.replicas ??= 1;
      const labels = spec.template?.metadata?.labels;
      if (labels && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      defaultTemplate(spec.template);
    },
    validate: ({ spec }) => validatePodSpec(spec?.template?.spec, "spec.template.spec"),
    table: {
      columns: [
        nameColumn,
        column("Desired", "integer"),
        column("Current", "integer"),
        column("Ready", "integer"),
        ageColumn,
        ...wide,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        numberAt(object, "spec.replicas"),
        numberAt(object, "status.replicas"),
        numberAt(object, "status.readyReplicas"),
        age(object),
        ...containerCells(object.spec?.template),
        labelText(object.spec?.selector),
      ],
    },
  },
);

const podTemplates = defineKind<PodTemplate>(
  { group: "", kind: "PodTemplate", plural: "podtemplates" },
  {
    defaults: ({ template }) => defaultTemplate(template),
    table: {
      columns: [nameColumn, column("Containers"), column("Images"), column("Pod Labels")],
      cells: (object) => [
        textAt(object, "metadata.name"),
        ...containerCells(object.template),
        labelText(object.template?.metadata?.labels),
      ],
    },
  },
);

export const workloadKinds: readonly Kind[] = [
  deployments,
  replicaSets,
  statefulSets,
  daemonSets,
  controllerRevisions,
  replicationControllers,
  podTemplates,
];
