/** Why a resource, or a part of it, isn't in what proxies get. */
export interface Problem {
  /** `VirtualService default/reviews`. */
  readonly resource: string;
  readonly field: string;
  readonly message: string;
}
