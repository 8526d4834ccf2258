import type { Pod, PodTemplateSpec } from "kubernetes-types/core/v1.d.ts";

const indexName = "batch.kubernetes.io/job-completion-index";
const indexVariable = "JOB_COMPLETION_INDEX";

export function completionIndexOf({ metadata }: Pod): number | undefined {
  const text = metadata?.annotations?.[indexName];
  return text === undefined ? undefined : Number(text);
}

/** The template of the pod for one index: it learns its number by annotation, label and environment. */
export function withCompletionIndex(template: PodTemplateSpec, index: number, hostname: string): PodTemplateSpec {
  const value = String(index);
  const env = [{ name: indexVariable, value }];
  const containers = template.spec?.containers ?? [];
  return {
    ...template,
    metadata: {
      ...template.metadata,
      annotations: { ...template.metadata?.annotations, [indexName]: value },
      labels: { ...template.metadata?.labels, [indexName]: value },
    },
    spec: {
      ...template.spec,
      hostname,
      containers: containers.map((container) => ({
        ...container,
        env: [...(container.env ?? []).filter(({ name }) => name !== indexVariable), ...env],
      })),
    },
  };
}

/** `0-3,5`: Kubernetes' form of a set of numbers. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const parts: string[] = [];
  let start: number | undefined;
  const sorted = [...indexes].sort((a, b) => a - b);
  for (const [i, index] of sorted.entries()) {
    start ??= index;
    if (sorted[i + 1] === index + 1) continue;
    parts.push(start === index ? String(index) : `${start}-${index}`);
    start = undefined;
  }
  return parts.join(",");
}

export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",").filter(Boolean)) {
    const [from = 0, to = from] = part.split("-").map(Number);
    for (let index = from; index <= to; index++) indexes.add(index);
  }
  return indexes;
}
