/** Istio: networking WorkloadSelector. Without labels it takes in every workload. */
export interface WorkloadSelector {
  readonly labels?: Readonly<Record<string, string>>;
}
