import type { KubeObject } from "#kube/object.ts";
import { listAt, type Tree, textAt, treeAt } from "../merge.ts";

/** An object to apply, complete with apiVersion and kind. */
export type Manifest = KubeObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
};

/** A part of the mesh that is installed, waited for and reported as one. */
export interface Component {
  readonly name: "base" | "pilot" | "ingress" | "egress";
  /** What progress lines call it. */
  readonly title: string;
  readonly manifests: readonly Manifest[];
}

/** What every renderer needs to know, resolved once from the operator spec. */
export interface InstallContext {
  readonly spec: Tree;
  readonly values: Tree;
  readonly namespace: string;
  readonly revision: string;
  /** `-canary` for revision `canary`, empty for the default one. */
  readonly revisionSuffix: string;
  readonly image: (name: string) => string;
  readonly labels: Readonly<Record<string, string>>;
}

export function installContext(spec: Tree): InstallContext {
  const values = treeAt(spec, "values");
  const revision = textAt(values, "revision");
  const hub = textAt(values, "global", "hub") || textAt(spec, "hub");
  const tag = textAt(values, "global", "tag") || textAt(spec, "tag");
  return {
    spec,
    values,
    namespace: textAt(values, "global", "istioNamespace") || "istio-system",
    revision: revision || "default",
    revisionSuffix: revision && revision !== "default" ? `-${revision}` : "",
    // A name with a slash is a whole image already.
    image: (name) => (name.includes("/") ? name : `${hub}/${name}:${tag}`),
    labels: { "istio.io/rev": revision || "default", "install.operator.istio.io/owning-resource": "installed-state" },
  };
}

/** The image pull settings of a pod, where they are set. */
export function pullSettings(context: InstallContext): object {
  const policy = textAt(context.values, "global", "imagePullPolicy");
  return policy ? { imagePullPolicy: policy } : {};
}

export function imagePullSecrets(context: InstallContext): object {
  const names = listAt(context.values, "global", "imagePullSecrets");
  return names.length > 0 ? { imagePullSecrets: names.map((name) => ({ name })) } : {};
}

/** Kubernetes wants every environment value as text. */
export function environment(settings: Tree): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

/** An environment variable from the pod's own description (downward API). */
export function fromField(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
