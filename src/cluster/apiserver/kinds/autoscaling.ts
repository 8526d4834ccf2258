import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from "kubernetes-types/autoscaling/v2.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { type Fields, isFields, type Obj } from "../object.ts";
import { age, ageColumn, column, nameColumn, numberAt } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

/** autoscaling/v1 knows CPU utilization only; the rest of v2 is left out of it. */
function toV1(object: Obj): Obj {
  const hpa = object as unknown as HorizontalPodAutoscaler;
  const cpu = hpa.spec?.metrics?.find(({ resource }) => resource?.name === "cpu");
  const now = hpa.status?.currentMetrics?.find(({ resource }) => resource?.name === "cpu");
  const { metrics: _m, behavior: _b, ...spec } = hpa.spec ?? { maxReplicas: 0, scaleTargetRef: { kind: "", name: "" } };
  const { currentMetrics: _c, conditions: _d, ...status } = (hpa.status ?? {}) as Fields;
  const target = cpu?.resource?.target.averageUtilization;
  const current = now?.resource?.current.averageUtilization;
  return {
    ...object,
    apiVersion: "autoscaling/v1",
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: { ...status, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) },
  };
}

function fromV1(object: Obj): Obj {
  const { targetCPUUtilizationPercentage: target, ...spec } = isFields(object["spec"]) ? object["spec"] : {};
  const metrics =
    typeof target === "number"
      ? {
          metrics: [
            {
              type: "Resource",
              resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } },
            },
          ],
        }
      : {};
  return { ...object, apiVersion: "autoscaling/v2", spec: { ...spec, ...metrics } };
}

function metricText(spec: MetricSpec, current: MetricStatus | undefined): string {
  const target = (spec.resource ?? spec.containerResource)?.target;
  const now = (current?.resource ?? current?.containerResource)?.current;
  const name = (spec.resource ?? spec.containerResource)?.name ?? spec.type.toLowerCase();
  if (target?.averageUtilization !== undefined)
    return `${name}: ${now?.averageUtilization === undefined ? "<unknown>" : `${now.averageUtilization}%`}/${target.averageUtilization}%`;
  return `${name}: ${now?.averageValue ?? "<unknown>"}/${target?.averageValue ?? target?.value ?? "<unknown>"}`;
}

function validateHpa({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec?.maxReplicas || spec.maxReplicas < 1)
    errors.push(fieldError.invalid("spec.maxReplicas", spec?.maxReplicas ?? 0, "must be greater than 0"));
  else if (spec.maxReplicas < (spec.minReplicas ?? 1))
    errors.push(
      fieldError.invalid("spec.maxReplicas", spec.maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  if (!spec?.scaleTargetRef?.kind) errors.push(fieldError.required("spec.scaleTargetRef.kind"));
  if (!spec?.scaleTargetRef?.name) errors.push(fieldError.required("spec.scaleTargetRef.name"));
  return errors;
}

const hpas = defineKind<HorizontalPodAutoscaler>(
  { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler", plural: "horizontalpodautoscalers" },
  {
    shortNames: ["hpa"],
    categories: ["all"],
    status: true,
    served: [
      { group: "autoscaling", version: "v2" },
      { group: "autoscaling", version: "v1", toStored: fromV1, fromStored: toV1 },
    ],
    defaults({ spec }) {
      if (!spec) return;
      spec.minReplicas ??= 1;
      if (!spec.metrics?.length)
        spec.metrics = [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ];
    },
    validate: validateHpa,
    table: {
      columns: [
        nameColumn,
        column("Reference"),
        column("Targets"),
        column("MinPods"),
        column("MaxPods", "integer"),
        column("Replicas", "integer"),
        ageColumn,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        `${object.spec?.scaleTargetRef?.kind ?? ""}/${object.spec?.scaleTargetRef?.name ?? ""}`,
        (object.spec?.metrics ?? [])
          .map((metric, index) => metricText(metric, object.status?.currentMetrics?.[index]))
          .join(", ") || "<none>",
        String(object.spec?.minReplicas ?? "<unset>"),
        object.spec?.maxReplicas ?? 0,
        numberAt(object, "status.currentReplicas"),
        age(object),
      ],
    },
  },
);

export const autoscalingKinds: readonly Kind[] = [hpas];
