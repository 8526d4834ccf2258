import type { ResourceSet } from "./resource-set.ts";
import type { Rejection, Subscription } from "./subscription.ts";

/** The mesh as one proxy sees it at one moment. */
export interface View {
  readonly version: string;
  /** All resources of the type, or those of `names` that exist. The same resource has the same bytes every time. */
  generate(typeUrl: string, names?: ReadonlySet<string>): ResourceSet;
}

/** What istiod keeps for one connected client. */
export interface XdsClient {
  /** Names it in logs and in `istioctl proxy-status`. */
  readonly id: string;
  /** The newest view. */
  view(): View;
  /** `view` is what the rejected response was made from. */
  onRejected?(subscription: Subscription, rejection: Rejection, view: View): void;
  /** `resources` are what was accepted. */
  onAccepted?(subscription: Subscription, resources: ResourceSet): void;
  onSent?(typeUrl: string, sent: { readonly resources: number; readonly bytes: number }): void;
  /** A push was accepted in full; how long it took from its first cause, ms. */
  onConverged?(ms: number): void;
  /** The client tells how its workload is: undefined when it is well, else in words what is wrong. */
  onHealth?(problem: string | undefined): void;
  onClosed?(): void;
}
