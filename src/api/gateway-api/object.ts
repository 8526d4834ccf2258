import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** A resource of the Kubernetes Gateway API as the API server serves it. */
export interface GatewayApiObject<Spec, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

/** One entry of a list of conditions (Kubernetes: metav1.Condition). */
export interface ResourceCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** A reference to an object; group, kind and namespace have defaults that hang on where it stands. */
export interface ObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}
