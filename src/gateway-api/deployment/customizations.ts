import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { parse } from "yaml";
import type { KubernetesGateway } from "#api/gateway-api/gateway.ts";
import type { ConditionError } from "../conditions.ts";
import type { Objects } from "../input.ts";

/** Strategic merge patches for each kind that is deployed, the class's defaults first. */
export interface Customizations {
  readonly deployment?: readonly object[];
  readonly service?: readonly object[];
  readonly serviceAccount?: readonly object[];
  readonly horizontalPodAutoscaler?: readonly object[];
  readonly podDisruptionBudget?: readonly object[];
}

const kinds = ["deployment", "service", "serviceAccount", "horizontalPodAutoscaler", "podDisruptionBudget"] as const;
const classDefaultsLabel = "gateway.istio.io/defaults-for-class";
/** A patch longer than this isn't read (characters). */
const maxLength = 100_000;

/**
 * What ConfigMaps ask for: those labelled as defaults of the class in istiod's namespace, then the one that the Gateway's
 * `infrastructure.parametersRef` names. Istio: the Gateway's "customizations".
 */
export function customizationsOf(
  gateway: KubernetesGateway,
  configMaps: Objects<ConfigMap>,
  rootNamespace: string,
): Customizations | { readonly error: ConditionError } {
  const defaults = [...configMaps.values()].filter(
    ({ metadata }) =>
      metadata?.namespace === rootNamespace && metadata.labels?.[classDefaultsLabel] === gateway.spec.gatewayClassName,
  );
  const own = parametersOf(gateway, configMaps);
  if (own !== undefined && "error" in own) return own;
  const patches: Partial<Record<(typeof kinds)[number], object[]>> = {};
  for (const source of own === undefined ? defaults : [...defaults, own]) {
    for (const kind of kinds) {
      const text = source.data?.[kind];
      if (text === undefined) continue;
      const patch = readPatch(text);
      if (typeof patch === "string") {
        const { namespace, name } = source.metadata ?? {};
        return invalid(`ConfigMap ${namespace}/${name}: data.${kind}: ${patch}`);
      }
      patches[kind] = [...(patches[kind] ?? []), patch];
    }
  }
  return patches;
}

function parametersOf(
  { metadata, spec }: KubernetesGateway,
  configMaps: Objects<ConfigMap>,
): ConfigMap | { readonly error: ConditionError } | undefined {
  const reference = spec.infrastructure?.parametersRef;
  if (reference === undefined) return undefined;
  const { group = "", kind = "ConfigMap", name } = reference;
  if (group !== "" || kind !== "ConfigMap")
    return invalid(`parametersRef: ${group}/${kind} is unsupported, use a ConfigMap of the Gateway's namespace`);
  return configMaps.get(`${metadata.namespace}/${name}`) ?? invalid(`parametersRef: ConfigMap ${name} not found`);
}

function invalid(message: string): { readonly error: ConditionError } {
  return { error: { reason: "InvalidParameters", message } };
}

/** The patch, or in words why it is none. */
function readPatch(text: string): object | string {
  if (text.length > maxLength) return `is longer than ${maxLength} characters`;
  try {
    const value: unknown = parse(text) ?? {};
    return typeof value === "object" && !Array.isArray(value) ? (value as object) : "is not a YAML map";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
