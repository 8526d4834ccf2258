/** Why a resource, or a part of it, isn't in what proxies get. */
export interface Problem {
  /** `VirtualService default/reviews`. */
  readonly resource: string;
  readonly field: string;
  readonly message: string;
}

/** Why a resource that is valid isn't in effect, or a part of it: another has its place, or what it refers to isn't there. */
export interface Conflict extends Problem {
  readonly reason: "Conflict" | "NotFound" | "Unreachable";
}
