import { parseAllDocuments, stringify } from "yaml";
import { type InjectSettings, injectPod } from "./inject.ts";
import { workloadOf } from "./owner.ts";
import type { InjectablePod } from "./pod.ts";

/** The injected manifest and what the user should know, or why it can't be injected. */
export type ManifestResult =
  | { readonly kind: "injected"; readonly text: string; readonly warnings: readonly string[] }
  | { readonly kind: "refused"; readonly message: string };

interface Resource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly items?: readonly Resource[];
  readonly [field: string]: unknown;
}

/** Where each kind keeps its pod template. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  CronJob: ["spec", "jobTemplate", "spec", "template"],
  Pod: [],
  DaemonSet: ["spec", "template"],
  Deployment: ["spec", "template"],
  DeploymentConfig: ["spec", "template"],
  Job: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  StatefulSet: ["spec", "template"],
};

/** Injects every workload of a manifest of YAML documents; other resources pass through. */
export function injectManifest(text: string, settings: InjectSettings): ManifestResult {
  const documents = parseAllDocuments(text);
  const warnings: string[] = [];
  const results: string[] = [];
  for (const document of documents) {
    const [problem] = document.errors;
    if (problem) return { kind: "refused", message: `the manifest is not YAML: ${problem.message}` };
    const resource = document.toJS({ maxAliasCount: 1000 }) as Resource | null;
    if (resource === null) continue;
    try {
      results.push(
        stringify(injectResource(resource, settings, warnings), { lineWidth: 0, aliasDuplicateObjects: false }),
      );
    } catch (error) {
      const { kind = "resource", metadata } = resource;
      return { kind: "refused", message: `${kind} ${metadata?.name ?? ""}: ${(error as Error).message}` };
    }
  }
  return { kind: "injected", text: results.map((result) => `${result}---\n`).join(""), warnings };
}

function injectResource(resource: Resource, settings: InjectSettings, warnings: string[]): Resource {
  const { kind = "", apiVersion = "", metadata } = resource;
  if (kind === "List")
    return { ...resource, items: (resource.items ?? []).map((item) => injectResource(item, settings, warnings)) };
  const path = templatePaths[kind];
  if (!path) return resource;
  const template = valueAt(resource, path);
  if (typeof template !== "object" || template === null) throw new Error(`${path.join(".")} is missing`);
  // Istio: a CronJob's labels and annotations are read from, and written to, its job template
  const metadataPath = kind === "CronJob" ? ["spec", "jobTemplate", "metadata"] : [...path, "metadata"];
  const own = valueAt(resource, metadataPath) as InjectablePod["metadata"];
  const pod: InjectablePod = { ...(template as InjectablePod), ...(own ? { metadata: own } : {}) };
  const namespace = pod.metadata?.namespace ?? metadata?.namespace ?? "";
  const workload =
    kind === "Pod"
      ? workloadOf(pod, namespace)
      : { apiVersion, kind, name: metadata?.name ?? "", namespace: metadata?.namespace ?? "" };
  const result = injectPod({ ...settings, pod, namespace, workload });
  switch (result.kind) {
    case "refused":
      throw new Error(result.message);
    case "skipped":
      warnings.push(`Skipping injection because ${kind} "${metadata?.name ?? ""}" ${result.reason}`);
      return resource;
    case "injected":
      return replaceAt(
        replaceAt(resource, [...path, "spec"], result.pod.spec),
        metadataPath,
        result.pod.metadata,
      ) as Resource;
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);
}

function replaceAt(value: unknown, path: readonly string[], replacement: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return replacement;
  const map = (value ?? {}) as Record<string, unknown>;
  return { ...map, [name]: replaceAt(map[name], rest, replacement) };
}
