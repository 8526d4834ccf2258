import type { FrontendValidation, KubernetesGatewaySpec, Listener, ListenerTLS } from "#api/gateway-api/gateway.ts";
import type { ServerTLS } from "#api/istio/gateway.ts";
import { type ConditionError, joinErrors } from "./conditions.ts";
import { type CertificateUser, clientAuthority, serverCertificate } from "./credentials.ts";
import type { GatewayApiInput } from "./input.ts";
import type { Grants } from "./reference-grants.ts";

/** How a listener ends TLS, and what is wrong with what it refers to. */
export interface ListenerTLSResult {
  readonly tls?: ServerTLS;
  readonly error?: ConditionError | undefined;
}

const terminateModeOption = "gateway.istio.io/tls-terminate-mode";
const cipherSuitesOption = "gateway.istio.io/tls-cipher-suites";
const builtInCertificate = "builtin://";

/** Istio: buildTLS. `gateway` is the Gateway that the listener is part of, `user` the resource that it stands in. */
export function listenerTLS(
  listener: Listener,
  gateway: KubernetesGatewaySpec,
  user: CertificateUser,
  autoPassthrough: boolean,
  input: GatewayApiInput,
  grants: Grants,
): ListenerTLSResult {
  const { tls } = listener;
  if (tls === undefined) return {};
  if (tls.mode === "Passthrough") return { tls: { mode: autoPassthrough ? "AUTO_PASSTHROUGH" : "PASSTHROUGH" } };
  const option = tls.options?.[terminateModeOption];
  if (option === "ISTIO_MUTUAL") return { tls: { mode: "ISTIO_MUTUAL" } };
  if (option === "ISTIO_SIMPLE") return { tls: { mode: "SIMPLE", credentialName: builtInCertificate } };
  const certificates = serverCertificates(tls, user, input, grants);
  const authority = clientAuthorities(frontendValidation(listener.port, gateway), user, input, grants);
  const error = certificates.error ?? authority.error;
  if (error !== undefined) return { error };
  const mode = option === "MUTUAL" || option === "OPTIONAL_MUTUAL" ? option : authority.mode;
  const [only, ...more] = certificates.names;
  const suites = tls.options?.[cipherSuitesOption];
  return {
    tls: {
      mode,
      ...(more.length > 0
        ? { credentialNames: certificates.names }
        : only === undefined
          ? {}
          : { credentialName: only }),
      ...(authority.name === undefined ? {} : { caCertCredentialName: authority.name }),
      ...(suites === undefined ? {} : { cipherSuites: suites.split(",").map((suite) => suite.trim()) }),
    },
  };
}

/** One of two certificates may be missing, then the other is used. */
function serverCertificates(tls: ListenerTLS, user: CertificateUser, input: GatewayApiInput, grants: Grants) {
  const references = tls.certificateRefs ?? [];
  const names: string[] = [];
  let error: ConditionError | undefined;
  if (references.length > 2)
    error = { reason: "InvalidCertificateRef", message: "TLS mode can only support up to 2 server certificates" };
  else if (references.length === 0)
    error = {
      reason: "InvalidCertificateRef",
      message: "at least 1 certificateRefs should be present for TLS termination",
    };
  else {
    for (const reference of references) {
      const found = serverCertificate(reference, user, input, grants);
      if ("name" in found) names.push(found.name);
      else error = joinErrors(error, found.error);
    }
  }
  return { names, error: names.length === 0 ? error : undefined };
}

/** A port's own settings come in the place of the default. */
function frontendValidation(port: number, { tls }: KubernetesGatewaySpec): FrontendValidation | undefined {
  const { default: all, perPort = [] } = tls?.frontend ?? {};
  const own = perPort.find((setting) => setting.port === port);
  return own === undefined ? all?.validation : own.tls?.validation;
}

function clientAuthorities(
  validation: FrontendValidation | undefined,
  user: CertificateUser,
  input: GatewayApiInput,
  grants: Grants,
): { readonly mode: "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL"; readonly name?: string; readonly error?: ConditionError } {
  const references = validation?.caCertificateRefs ?? [];
  if (validation === undefined || references.length === 0) return { mode: "SIMPLE" };
  const mode = validation.mode === "AllowInsecureFallback" ? "OPTIONAL_MUTUAL" : "MUTUAL";
  const [reference, ...more] = references;
  if (reference === undefined || more.length > 0)
    return { mode, error: { reason: "InvalidCACertificateRef", message: "only one caCertificateRef is supported" } };
  const found = clientAuthority(reference, user, input, grants);
  return "name" in found ? { mode, name: found.name } : { mode, error: found.error };
}
