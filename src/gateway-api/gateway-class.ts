import type { GatewayClass } from "#api/gateway-api/gateway.ts";
import { type Observation, setConditions } from "./conditions.ts";
import type { GatewayApiInput } from "./input.ts";

export const gatewayController = "istio.io/gateway-controller";
export const meshController = "istio.io/mesh-controller";
export const eastWestController = "istio.io/eastwest-controller";
const remoteController = "istio.io/unmanaged-gateway";

/** What a controller of Gateways does with them. Istio: ClassInfos. */
export interface ClassInfo {
  readonly controller: string;
  /** Whether its Gateways become configuration; those of the remote class only get a status. */
  readonly isProgrammed: boolean;
  /** Whether what is deployed is called `NAME-CLASS` rather than `NAME`. */
  readonly hasNameSuffix: boolean;
  readonly takesListenerSets: boolean;
  /** The kind of address to report when there is none from outside; undefined for any. */
  readonly addressType: "Hostname" | undefined;
}

const infos: readonly ClassInfo[] = [
  {
    controller: gatewayController,
    isProgrammed: true,
    hasNameSuffix: true,
    takesListenerSets: true,
    addressType: "Hostname",
  },
  {
    controller: remoteController,
    isProgrammed: false,
    hasNameSuffix: true,
    takesListenerSets: false,
    addressType: "Hostname",
  },
  {
    controller: meshController,
    isProgrammed: true,
    hasNameSuffix: false,
    takesListenerSets: false,
    addressType: undefined,
  },
  {
    controller: eastWestController,
    isProgrammed: true,
    hasNameSuffix: false,
    takesListenerSets: false,
    addressType: undefined,
  },
];
const infoByController = new Map(infos.map((info) => [info.controller, info]));

/** The classes that istiod makes by itself. Istio: builtinClasses, without those that need ambient mode. */
export const builtInClasses: readonly { readonly name: string; readonly controller: string; readonly text: string }[] =
  [
    { name: "istio", controller: gatewayController, text: "The default Istio GatewayClass" },
    {
      name: "istio-remote",
      controller: remoteController,
      text: "Remote to this cluster. Does not deploy or affect configuration.",
    },
  ];

/** Controllers of the names that mean a class also without an object. */
const controllerOfName = new Map([
  ...builtInClasses.map(({ name, controller }) => [name, controller] as const),
  ["istio-waypoint", meshController] as const,
  ["istio-east-west", eastWestController] as const,
]);

/** The class called `name` if it is Istio's; undefined for others' and for unknown ones. */
export function classNamed(
  name: string,
  { gatewayClasses }: Pick<GatewayApiInput, "gatewayClasses">,
): ClassInfo | undefined {
  const controller = gatewayClasses.get(name)?.spec.controllerName ?? controllerOfName.get(name);
  return controller === undefined ? undefined : infoByController.get(controller);
}

/** The status of a class of ours; undefined for others'. */
export function gatewayClassStatus(object: GatewayClass, now: string): GatewayClass["status"] | undefined {
  if (!infoByController.has(object.spec.controllerName)) return undefined;
  const observation: Observation = { generation: object.metadata.generation, now };
  const accepted = { Accepted: { reason: "Accepted", message: "Handled by Istio controller" } };
  return { ...object.status, conditions: setConditions(object.status?.conditions, accepted, observation) };
}
