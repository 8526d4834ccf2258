import { destinationRuleKind } from "./destination-rule.ts";
import { gatewayKind } from "./gateway.ts";
import type { IstioKind } from "./kind.ts";
import { permissiveKinds } from "./permissive-kinds.ts";
import { virtualServiceKind } from "./virtual-service.ts";

/** Every custom resource Weft serves, in the order the CRDs are installed. */
export const istioKinds: readonly IstioKind[] = [
  virtualServiceKind,
  destinationRuleKind,
  gatewayKind,
  ...permissiveKinds,
];

const byKind = new Map(istioKinds.map((kind) => [kind.kind, kind]));

/** The kind called so (`VirtualService`), if Weft serves it. */
export function kindNamed(kind: string): IstioKind | undefined {
  return byKind.get(kind);
}
