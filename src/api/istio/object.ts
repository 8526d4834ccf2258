import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** An Istio custom resource as the Kubernetes API serves it. */
export interface IstioObject<Spec = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: unknown;
}
