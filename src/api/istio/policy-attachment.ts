/** Istio: type/v1beta1 PolicyTargetReference. */
export interface PolicyTargetReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** Which workloads a policy is for: those that are named, else those with the labels, else all of its namespace. */
export interface PolicyAttachment {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  /** Old form of a list of one. */
  readonly targetRef?: PolicyTargetReference;
  readonly targetRefs?: readonly PolicyTargetReference[];
}
