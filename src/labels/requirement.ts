/** What Kubernetes' label selectors and node affinities ask of one value. */
export interface Requirement {
  readonly operator: string;
  readonly values?: readonly string[];
}

/** Whether a value, or that there is none, is as required. An operator that there isn't holds for nothing. */
export function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
