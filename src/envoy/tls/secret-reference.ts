import { create } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  ConfigSourceSchema,
} from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";

import { duration } from "../proto.ts";

/** Istio: the suffix that asks for the certificate authority of a credential, not for its certificate. */
export const caSuffix = "-cacert";

const schemes: readonly string[] = ["kubernetes://", "kubernetes-gateway://", "configmap://", "builtin://"];

// Unlike other resources, a secret isn't waited for without end: the rest of the listener serves meanwhile.
const overAds = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
});

/** Name of the resource for a `credentialName`: `kubernetes://NAME` unless it says another kind. Istio: ToResourceName. */
function secretName(credential: string): string {
  return schemes.some((scheme) => credential.startsWith(scheme)) ? credential : `kubernetes://${credential}`;
}

/** Where Envoy gets the secret from: istiod, on the stream it has. */
export function secretReference(credential: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name: secretName(credential), sdsConfig: overAds });
}

/** Waited for without end: without its certificate a proxy can neither call nor be called. */
const overAgent = create(ConfigSourceSchema, {
  configSourceSpecifier: {
    case: "apiConfigSource",
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: "sds-grpc" } } }],
    },
  },
  initialFetchTimeout: duration(0),
  resourceApiVersion: ApiVersion.V3,
});

/** What the proxy's agent has: over a socket in the pod. */
function fromAgent(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig: overAgent });
}

/** The workload's certificate and key. */
export const workloadCertificate: SdsSecretConfig = fromAgent("default");

/** The authorities of the mesh. */
export const meshAuthorities: SdsSecretConfig = fromAgent("ROOTCA");
