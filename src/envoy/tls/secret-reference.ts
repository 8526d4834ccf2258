import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Proxy } from "#model/proxy.ts";
import { duration } from "../proto.ts";

/** Istio: the suffix that asks for the certificate authority of a credential, not for its certificate. */
export const caSuffix = "-cacert";

/** Stands for the workload's own certificate. Istio: BuiltinGatewaySecretTypeURI. */
const builtIn = "builtin://";

const schemes: readonly string[] = ["kubernetes://", "kubernetes-gateway://", "configmap://"];

// Unlike other resources, a secret isn't waited for without end: the rest of the listener serves meanwhile.
const overAds = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
});

function atAgent(clusterName: string, initialFetchTimeout?: Duration): ConfigSource {
  return create(ConfigSourceSchema, {
    configSourceSpecifier: {
      case: "apiConfigSource",
      value: {
        apiType: ApiConfigSource_ApiType.GRPC,
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName } } }],
      },
    },
    resourceApiVersion: ApiVersion.V3,
    ...(initialFetchTimeout ? { initialFetchTimeout } : {}),
  });
}

/** Waited for without end: without its certificate a proxy can neither call nor be called. */
const identitySource = atAgent("sds-grpc", duration(0));
const fileSource = atAgent("sds-grpc");
const fileSourceApart = atAgent("sds-files-grpc");

/** Where a proxy has secrets from that are in files. Istio: ConstructSdsSecretConfig, `file-credential`. */
export function fileSourceOf({ filesApart }: Pick<Proxy, "filesApart">): ConfigSource {
  return filesApart ? fileSourceApart : fileSource;
}

function secret(name: string, sdsConfig: ConfigSource): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig });
}

/** The workload's certificate and key, from the proxy's agent. */
export const workloadCertificate: SdsSecretConfig = secret("default", identitySource);

/** The authorities of the mesh, from there too. */
export const meshAuthorities: SdsSecretConfig = secret("ROOTCA", identitySource);

/** Where Envoy gets a credential's certificate and key: from istiod, on the stream it has. Istio: ToResourceName. */
export function secretReference(credential: string): SdsSecretConfig {
  if (credential === builtIn) return workloadCertificate;
  if (credential === `${builtIn}${caSuffix}`) return meshAuthorities;
  const isWhole = schemes.some((scheme) => credential.startsWith(scheme));
  return secret(isWhole ? credential : `kubernetes://${credential}`, overAds);
}

/**
 * A certificate with its key from files of the proxy's container. The agent reads them, also when they change: Envoy itself would
 * refuse a whole listener over one that is missing. Istio: SdsCertificateConfig.GetResourceName.
 */
export function filePair(chain: string, key: string, files: ConfigSource): SdsSecretConfig {
  return secret(`file-cert:${chain}~${key}`, files);
}

/** Authorities from a file; `system` for those that everybody trusts. Istio: SdsCertificateConfig.GetRootResourceName. */
export function fileAuthorities(path: string, files: ConfigSource): SdsSecretConfig {
  return secret(`file-root:${path}`, files);
}
