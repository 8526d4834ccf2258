import type { BackendReference } from "#api/gateway-api/route.ts";
import type { Destination } from "#api/istio/virtual-service.ts";
import type { ConditionError } from "./conditions.ts";
import type { GatewayApiInput } from "./input.ts";
import type { Grants } from "./reference-grants.ts";

/** Who refers to backends. */
export interface BackendUser {
  readonly input: GatewayApiInput;
  readonly grants: Grants;
  readonly kind: string;
  readonly namespace: string;
  /** At gateways other namespaces must grant the reference; in the mesh everybody may call. */
  readonly needsGrant: boolean;
}

/** A destination; with an error it is one that answers nothing, or the whole rule is out when there is none. */
export interface Backend {
  readonly destination?: Destination;
  readonly error?: ConditionError;
}

/** A destination that no cluster has: requests are answered with 500, connections closed. */
const nowhere: Destination = { host: "" };

/** Istio: buildDestination. */
export function backend(reference: BackendReference, user: BackendUser): Backend {
  const { group = "", kind = "Service", name, port } = reference;
  const namespace = reference.namespace ?? user.namespace;
  if (user.needsGrant && namespace !== user.namespace) {
    const from = { group: "gateway.networking.k8s.io", kind: user.kind, namespace: user.namespace };
    if (!user.grants(from, { group, kind, namespace, name })) {
      const message = `backendRef ${name}/${namespace} not accessible to a ${user.kind} in namespace "${user.namespace}" (missing a ReferenceGrant?)`;
      return { destination: nowhere, error: { reason: "RefNotPermitted", message } };
    }
  }
  const found = hostOf(reference, group, kind, namespace, user.input);
  if ("error" in found && found.host === undefined)
    return found.isFatal ? { error: found.error } : { destination: nowhere, error: found.error };
  if (port === undefined) return { error: { reason: "InvalidDestination", message: "port is required in backendRef" } };
  return {
    destination: { host: found.host ?? "", port: { number: port } },
    ...("error" in found ? { error: found.error } : {}),
  };
}

type Host =
  | { readonly host: string }
  | { readonly host?: string; readonly error: ConditionError; readonly isFatal?: boolean };

function hostOf(
  { name, namespace: told }: BackendReference,
  group: string,
  kind: string,
  namespace: string,
  input: GatewayApiInput,
): Host {
  const invalid = (message: string): Host => ({ error: { reason: "InvalidDestination", message }, isFatal: true });
  const absent = (host: string): Host => ({
    host,
    error: { reason: "BackendNotFound", message: `backend(${host}) not found` },
  });
  if ((group === "" && kind === "Service") || (group === "multicluster.x-k8s.io" && kind === "ServiceImport")) {
    if (name.includes("."))
      return invalid("service name invalid; the name of the Service must be used, not the hostname.");
    const host = `${name}.${namespace}.svc.${input.clusterDomain}`;
    return input.services.has(`${namespace}/${name}`) ? { host } : absent(host);
  }
  if (group === "networking.istio.io" && kind === "Hostname") {
    if (told !== undefined) return invalid("namespace may not be set with Hostname type");
    return input.servicesNamed(name).length > 0 ? { host: name } : absent(name);
  }
  return {
    error: { reason: "InvalidKind", message: `referencing unsupported backendRef: group "${group}" kind "${kind}"` },
  };
}

/** Backends with their shares; those with weight 0 get nothing. One alone has no weight, as VirtualServices have it. */
export function weighted<T extends BackendReference>(
  references: readonly T[],
): readonly { readonly reference: T; readonly weight: number }[] {
  const used = references
    .map((reference) => ({ reference, weight: reference.weight ?? 1 }))
    .filter(({ weight }) => weight > 0);
  const [only, ...more] = used;
  return only !== undefined && more.length === 0 ? [{ ...only, weight: 0 }] : used;
}
