/** Istio: type/v1beta1 PolicyTargetReference. */
export interface PolicyTargetReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** Istio: type/v1beta1 WorkloadSelector. Without labels it takes in every workload. */
export interface PolicySelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

/** Which workloads a policy is for: those that are named, else those with the labels, else all of its namespace. */
export interface PolicyAttachment {
  readonly selector?: PolicySelector;
  /** Old form of a list of one. */
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
}
