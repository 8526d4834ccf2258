import type { CronJob, Job, JobSpec } from "kubernetes-types/batch/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { age, ageColumn, column, containerCells, duration, nameColumn, selectorText, since } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";
import { defaultTemplate, validatePodSpec } from "./pod-template.ts";

function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ||= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ||= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  spec.manualSelector ??= false;
  defaultTemplate(spec.template);
}

function validateJobSpec(spec: JobSpec | undefined, field: string): FieldError[] {
  const errors = validatePodSpec(spec?.template?.spec, `${field}.template.spec`);
  const policy = spec?.template?.spec?.restartPolicy;
  if (policy !== "Never" && policy !== "OnFailure")
    errors.push(
      policy === "Always"
        ? fieldError.unsupported(`${field}.template.spec.restartPolicy`, policy, ["OnFailure", "Never"])
        : fieldError.required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'),
    );
  return errors;
}

function jobStatus({ status, spec, metadata }: Job): string {
  const holds = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === "True");
  if (holds("Complete")) return "Complete";
  if (holds("Failed")) return "Failed";
  if (metadata?.deletionTimestamp) return "Terminating";
  if (holds("Suspended") || spec?.suspend) return "Suspended";
  return holds("FailureTarget") ? "FailureTarget" : "Running";
}

const jobs = defineKind<Job>(
  { group: "batch", kind: "Job", plural: "jobs" },
  {
    categories: ["all"],
    status: true,
    generation: true,
    selectable: ["status.successful"],
    selectableValue: ({ status }) => String(status?.succeeded ?? 0),
    defaults({ spec }) {
      if (spec) defaultJobSpec(spec);
    },
    // The server labels a job's pods with the job's uid and selects them by it.
    prepareCreate(job) {
      const uid = job.metadata?.uid ?? "";
      const name = job.metadata?.name ?? "";
      if (!job.spec || job.spec.manualSelector) return;
      const template = job.spec.template;
      template.metadata = {
        ...template.metadata,
        labels: {
          ...template.metadata?.labels,
          "controller-uid": uid,
          "batch.kubernetes.io/controller-uid": uid,
          "job-name": name,
          "batch.kubernetes.io/job-name": name,
        },
      };
      job.spec.selector ??= { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
    },
    validate: ({ spec }) => validateJobSpec(spec, "spec"),
    table: {
      columns: [
        nameColumn,
        column("Status"),
        column("Completions"),
        column("Duration"),
        ageColumn,
        column("Containers", "string", 1),
        column("Images", "string", 1),
        column("Selector", "string", 1),
      ],
      cells(job) {
        const { startTime, completionTime } = job.status ?? {};
        const took = startTime
          ? completionTime
            ? duration(Date.parse(completionTime) - Date.parse(startTime))
            : since(startTime)
          : "";
        return [
          job.metadata?.name ?? "",
          jobStatus(job),
          `${job.status?.succeeded ?? 0}/${job.spec?.completions ?? job.spec?.parallelism ?? 1}`,
          took,
          age(job),
          ...containerCells(job.spec?.template),
          selectorText(job.spec?.selector),
        ];
      },
    },
  },
);

const cronJobs = defineKind<CronJob>(
  { group: "batch", kind: "CronJob", plural: "cronjobs" },
  {
    shortNames: ["cj"],
    categories: ["all"],
    status: true,
    generation: true,
    defaults({ spec }) {
      if (!spec) return;
      spec.concurrencyPolicy ||= "Allow";
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      defaultTemplate(spec.jobTemplate?.spec?.template);
    },
    validate: ({ spec }) => [
      ...(spec?.schedule ? [] : [fieldError.required("spec.schedule")]),
      ...validateJobSpec(spec?.jobTemplate?.spec, "spec.jobTemplate.spec"),
    ],
    table: {
      columns: [
        nameColumn,
        column("Schedule"),
        column("Timezone"),
        column("Suspend", "boolean"),
        column("Active", "integer"),
        column("Last Schedule"),
        ageColumn,
        column("Containers", "string", 1),
        column("Images", "string", 1),
        column("Selector", "string", 1),
      ],
      cells: (job) => [
        job.metadata?.name ?? "",
        job.spec?.schedule ?? "",
        job.spec?.timeZone ?? "<none>",
        String(job.spec?.suspend ?? false),
        job.status?.active?.length ?? 0,
        job.status?.lastScheduleTime ? since(job.status.lastScheduleTime) : "<none>",
        age(job),
        ...containerCells(job.spec?.jobTemplate?.spec?.template),
        selectorText(job.spec?.jobTemplate?.spec?.selector),
      ],
    },
  },
);

export const batchKinds: readonly Kind[] = [jobs, cronJobs];
