import { authorizationPolicyKind } from "./authorization-policy.ts";
import { destinationRuleKind } from "./destination-rule.ts";
import { envoyFilterKind } from "./envoy-filter.ts";
import { gatewayKind } from "./gateway.ts";
import type { IstioKind } from "./kind.ts";
import { peerAuthenticationKind } from "./peer-authentication.ts";
import { permissiveKinds } from "./permissive-kinds.ts";
import { proxyConfigKind } from "./proxy-config.ts";
import { requestAuthenticationKind } from "./request-authentication.ts";
import { serviceEntryKind } from "./service-entry.ts";
import { sidecarKind } from "./sidecar.ts";
import { virtualServiceKind } from "./virtual-service.ts";
import { workloadEntryKind } from "./workload-entry.ts";
import { workloadGroupKind } from "./workload-group.ts";

/** Every custom resource Weft serves, in the order the CRDs are installed. */
export const istioKinds: readonly IstioKind[] = [
  virtualServiceKind,
  destinationRuleKind,
  gatewayKind,
  serviceEntryKind,
  sidecarKind,
  workloadEntryKind,
  workloadGroupKind,
  envoyFilterKind,
  proxyConfigKind,
  requestAuthenticationKind,
  peerAuthenticationKind,
  authorizationPolicyKind,
  ...permissiveKinds,
];

const byKind = new Map(istioKinds.map((kind) => [kind.kind, kind]));

/** The kind called so (`VirtualService`), if Weft serves it. */
export function kindNamed(kind: string): IstioKind | undefined {
  return byKind.get(kind);
}
