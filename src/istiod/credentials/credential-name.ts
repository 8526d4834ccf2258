import { caSuffix } from "#envoy/tls/secret-reference.ts";

/** The Secret or ConfigMap that an SDS resource is made from. */
export interface CredentialName {
  /** `gateway`: of a Kubernetes Gateway, which may refer to other namespaces where a ReferenceGrant lets it. */
  readonly scheme: "kubernetes" | "gateway" | "configmap";
  readonly namespace: string;
  /** As it stands in the resource's name, with a `-cacert` at its end. */
  readonly name: string;
  readonly authoritiesOnly: boolean;
}

const form = /^(?<kind>kubernetes|kubernetes-gateway|configmap):\/\/(?:(?<namespace>[^/]+)\/)?(?<name>[^/]+)$/;

const schemes: Readonly<Record<string, CredentialName["scheme"]>> = {
  "kubernetes-gateway": "gateway",
  configmap: "configmap",
};

/** Reads a resource's name; undefined for one of another kind. Istio: ParseResourceName. */
export function parseCredentialName(resource: string, proxyNamespace: string): CredentialName | undefined {
  const { kind = "", namespace, name } = form.exec(resource)?.groups ?? {};
  if (name === undefined) return undefined;
  return {
    scheme: schemes[kind] ?? "kubernetes",
    namespace: namespace ?? proxyNamespace,
    name,
    authoritiesOnly: name.endsWith(caSuffix),
  };
}
