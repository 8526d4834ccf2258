import type { ConnectionPool, LocalityLoadBalancer, ZoneAwareLoadBalancer } from "#api/istio/destination-rule.ts";
import type { ExtensionProvider } from "#api/istio/extension-provider.ts";
import type { HTTPRetry } from "#api/istio/virtual-service.ts";
import type { LabelSelector } from "#labels/label-selector.ts";
import { parseDuration } from "#model/duration.ts";
import { readHttpSettings } from "#model/http-settings.ts";
import { type CaCertificate, defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";
import { isKnownCipherSuite, isKnownCurve } from "./cipher-suites.ts";
import { localityLbSetting, zoneAwareLbSetting } from "./destination-rule.ts";
import { extensionProvider, readExtensionProvider } from "./extension-provider.ts";

import { formatFieldError } from "./field-error.ts";
import { bool, durationOrZero, integer, list, map, object, oneOf, text } from "./schema/build.ts";
import { checkSchema } from "./schema/check.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { unsigned } from "./schema/traffic.ts";
import { retries } from "./virtual-service.ts";
import { withoutNulls } from "./without-nulls.ts";

const port = integer(undefined, { minimum: 1, maximum: 65535 });
const texts = list(text());

const tlsSettings = object({
  minProtocolVersion: oneOf(["TLS_AUTO", "TLSV1_2", "TLSV1_3"]),
  cipherSuites: texts,
  ecdhCurves: texts,
});

/** The fields that the control plane reads. Others are somebody else's. Istio: MeshConfig. */
const schema: JsonSchema = {
  ...object({
    rootNamespace: text(),
    trustDomain: text(),
    trustDomainAliases: texts,
    outboundTrafficPolicy: object({ mode: oneOf(["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"]) }),
    inboundTrafficPolicy: object({ mode: oneOf(["PASSTHROUGH", "LOCALHOST"]) }),
    proxyListenPort: port,
    proxyInboundListenPort: port,
    connectTimeout: durationOrZero(),
    protocolDetectionTimeout: durationOrZero(),
    tcpKeepalive: object({ probes: unsigned(), time: durationOrZero(), interval: durationOrZero() }),
    enableAutoMtls: bool(),
    meshMTLS: tlsSettings,
    tlsDefaults: tlsSettings,
    accessLogFile: text(),
    accessLogEncoding: oneOf(["TEXT", "JSON"]),
    accessLogFormat: text(),
    ingressService: text(),
    ingressSelector: text(),
    defaultServiceExportTo: texts,
    defaultVirtualServiceExportTo: texts,
    defaultDestinationRuleExportTo: texts,
    localityLbSetting,
    zoneAwareLbSetting,
    dnsRefreshRate: durationOrZero(),
    h2UpgradePolicy: oneOf(["DO_NOT_UPGRADE", "UPGRADE"]),
    defaultHttpRetryPolicy: retries,
    pathNormalization: object({
      normalization: oneOf(["DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]),
    }),
    caCertificates: list(object({ pem: text(), spiffeBundleUrl: text(), certSigners: texts, trustDomains: texts })),
    serviceSettings: list(object({ settings: object({ clusterLocal: bool() }), hosts: texts })),
    extensionProviders: list(extensionProvider),
    discoverySelectors: list(
      object({
        matchLabels: map(text()),
        matchExpressions: list(
          object({ key: text(), operator: oneOf(["In", "NotIn", "Exists", "DoesNotExist"]), values: texts }),
        ),
      }),
    ),
  }),
  "x-kubernetes-preserve-unknown-fields": true,
};

interface RawTls {
  readonly minProtocolVersion?: string;
  readonly cipherSuites?: readonly string[];
  readonly ecdhCurves?: readonly string[];
}

interface RawMeshConfig {
  readonly rootNamespace?: string;
  readonly trustDomain?: string;
  readonly trustDomainAliases?: readonly string[];
  readonly outboundTrafficPolicy?: { readonly mode?: "REGISTRY_ONLY" | "ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS" };
  readonly inboundTrafficPolicy?: { readonly mode?: MeshConfig["inboundTrafficMode"] };
  readonly proxyListenPort?: number;
  readonly proxyInboundListenPort?: number;
  readonly connectTimeout?: string;
  readonly protocolDetectionTimeout?: string;
  readonly tcpKeepalive?: NonNullable<ConnectionPool["tcp"]>["tcpKeepalive"];
  readonly enableAutoMtls?: boolean;
  readonly meshMTLS?: RawTls;
  readonly tlsDefaults?: RawTls;
  readonly accessLogFile?: string;
  readonly accessLogEncoding?: MeshConfig["accessLogEncoding"];
  readonly accessLogFormat?: string;
  readonly ingressService?: string;
  readonly ingressSelector?: string;
  readonly defaultServiceExportTo?: readonly string[];
  readonly defaultVirtualServiceExportTo?: readonly string[];
  readonly defaultDestinationRuleExportTo?: readonly string[];
  readonly localityLbSetting?: LocalityLoadBalancer;
  readonly zoneAwareLbSetting?: ZoneAwareLoadBalancer;
  readonly dnsRefreshRate?: string;
  readonly h2UpgradePolicy?: string;
  readonly defaultHttpRetryPolicy?: HTTPRetry;
  readonly pathNormalization?: { readonly normalization?: MeshConfig["pathNormalization"] };
  readonly serviceSettings?: readonly {
    readonly settings?: { readonly clusterLocal?: boolean };
    readonly hosts?: readonly string[];
  }[];
  readonly discoverySelectors?: readonly LabelSelector[];
  readonly defaultConfig?: unknown;
  readonly extensionProviders?: readonly ExtensionProvider[];
  readonly caCertificates?: readonly CaCertificate[];
}

/**
 * The snapshot's settings from Istio's MeshConfig in its JSON form. Throws an Error that names field and value for one that can't be
 * used.
 */
export function readMeshConfig(given: Readonly<Record<string, unknown>>, rootNamespace: string): MeshConfig {
  const [error] = checkSchema(schema, given, "mesh");
  if (error) throw new Error(formatFieldError(error));
  const raw = withoutNulls(given) as RawMeshConfig;
  const defaults = defaultMeshConfig;
  const { tcpKeepalive, defaultHttpRetryPolicy } = raw;
  return Object.freeze({
    rootNamespace: raw.rootNamespace ?? rootNamespace,
    trustDomain: raw.trustDomain ?? defaults.trustDomain,
    trustDomainAliases: raw.trustDomainAliases ?? defaults.trustDomainAliases,
    outboundTrafficPolicy: outboundPolicy(raw.outboundTrafficPolicy?.mode),
    inboundTrafficMode: raw.inboundTrafficPolicy?.mode ?? defaults.inboundTrafficMode,
    proxyListenPort: raw.proxyListenPort ?? defaults.proxyListenPort,
    proxyInboundListenPort: raw.proxyInboundListenPort ?? defaults.proxyInboundListenPort,
    connectTimeoutMs: milliseconds(raw.connectTimeout) ?? defaults.connectTimeoutMs,
    protocolDetectionTimeoutMs: milliseconds(raw.protocolDetectionTimeout) ?? defaults.protocolDetectionTimeoutMs,
    enableAutoMtls: raw.enableAutoMtls ?? defaults.enableAutoMtls,
    meshMtls: {
      minProtocolVersion: raw.meshMTLS?.minProtocolVersion === "TLSV1_3" ? ("TLSV1_3" as const) : ("TLSV1_2" as const),
      ...tlsChoice(raw.meshMTLS),
    },
    tlsDefaults: tlsChoice(raw.tlsDefaults),
    accessLogFile: raw.accessLogFile ?? defaults.accessLogFile,
    accessLogEncoding: raw.accessLogEncoding ?? defaults.accessLogEncoding,
    accessLogFormat: raw.accessLogFormat ?? defaults.accessLogFormat,
    ingressService: raw.ingressService ?? defaults.ingressService,
    ingressSelector: raw.ingressSelector ?? defaults.ingressSelector,
    defaultServiceExportTo: raw.defaultServiceExportTo ?? defaults.defaultServiceExportTo,
    defaultVirtualServiceExportTo: raw.defaultVirtualServiceExportTo ?? defaults.defaultVirtualServiceExportTo,
    defaultDestinationRuleExportTo: raw.defaultDestinationRuleExportTo ?? defaults.defaultDestinationRuleExportTo,
    localityLbSetting: raw.localityLbSetting ?? defaults.localityLbSetting,
    dnsRefreshRateMs: milliseconds(raw.dnsRefreshRate) ?? defaults.dnsRefreshRateMs,
    h2Upgrade: raw.h2UpgradePolicy === "UPGRADE",
    pathNormalization: raw.pathNormalization?.normalization ?? defaults.pathNormalization,
    extensionProviders: raw.extensionProviders?.map(readExtensionProvider) ?? defaults.extensionProviders,
    discoverySelectors: raw.discoverySelectors ?? defaults.discoverySelectors,
    caCertificates: raw.caCertificates ?? defaults.caCertificates,
    serviceSettings: (raw.serviceSettings ?? []).map(({ settings, hosts = [] }) => ({
      hosts,
      clusterLocal: settings?.clusterLocal ?? false,
    })),
    networks: defaults.networks,
    http: readHttpSettings(raw.defaultConfig),
    ...(raw.zoneAwareLbSetting ? { zoneAwareLbSetting: raw.zoneAwareLbSetting } : {}),
    ...(tcpKeepalive ? { tcpKeepalive } : {}),
    ...(defaultHttpRetryPolicy ? { defaultHttpRetryPolicy } : {}),
  });
}

/** What Envoy doesn't know would cost every listener: it is left out. Istio: FilterCipherSuites. */
function tlsChoice({ cipherSuites = [], ecdhCurves = [] }: RawTls = {}): MeshConfig["tlsDefaults"] {
  return {
    cipherSuites: [...new Set(cipherSuites.filter(isKnownCipherSuite))],
    ecdhCurves: [...new Set(ecdhCurves.filter(isKnownCurve))],
  };
}

function outboundPolicy(mode: "REGISTRY_ONLY" | "ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS" = "ALLOW_ANY") {
  return mode === "ALLOW_ANY_DYNAMIC_DNS" ? ({ mode: "ALLOW_ANY", byHostName: true } as const) : { mode };
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
