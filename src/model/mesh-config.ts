import type { ConnectionPool, LocalityLoadBalancer, ZoneAwareLoadBalancer } from "#api/istio/destination-rule.ts";
import type { ExtensionProvider } from "#api/istio/extension-provider.ts";
import type { Destination, HTTPRetry } from "#api/istio/virtual-service.ts";
import type { LabelSelector } from "#labels/label-selector.ts";
import type { HttpSettings } from "./http-settings.ts";
import type { MeshNetwork } from "./mesh-networks.ts";

type OutboundTrafficMode = "ALLOW_ANY" | "REGISTRY_ONLY";

/** A root, or where to get some. Istio: MeshConfig.CertificateData. */
export interface CaCertificate {
  readonly pem?: string;
  readonly spiffeBundleUrl?: string;
  /** Of the names of Kubernetes signers that go back to it. */
  readonly certSigners?: readonly string[];
  readonly trustDomains?: readonly string[];
}

/** The mesh-wide settings that the control plane reads. Durations in milliseconds. Istio: MeshConfig. */
export interface MeshConfig {
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly outboundTrafficPolicy: {
    readonly mode: OutboundTrafficMode;
    readonly egressProxy?: Destination;
    /** HTTP to hosts that nobody knows goes where the host's name leads, not to the address that was called. */
    readonly byHostName?: boolean;
  };
  /** Whether workloads are called at the address that was called, or on loopback. */
  readonly inboundTrafficMode: "PASSTHROUGH" | "LOCALHOST";
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly connectTimeoutMs: number;
  readonly protocolDetectionTimeoutMs: number;
  readonly enableAutoMtls: boolean;
  /** Mutual TLS between workloads, as servers take it; empty lists are for defaults. */
  readonly meshMtls: {
    readonly minProtocolVersion: "TLSV1_2" | "TLSV1_3";
    readonly cipherSuites: readonly string[];
    readonly ecdhCurves: readonly string[];
  };
  /** All other TLS, where nothing else is said. */
  readonly tlsDefaults: { readonly cipherSuites: readonly string[]; readonly ecdhCurves: readonly string[] };
  readonly accessLogFile: string;
  readonly accessLogEncoding: "TEXT" | "JSON";
  readonly accessLogFormat: string;
  readonly ingressService: string;
  readonly ingressSelector: string;
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly localityLbSetting: LocalityLoadBalancer;
  /** Where nothing else is said, endpoints of the client's zone get as much as they can take. */
  readonly zoneAwareLbSetting?: ZoneAwareLoadBalancer;
  readonly dnsRefreshRateMs: number;
  readonly h2Upgrade: boolean;
  readonly pathNormalization: "DEFAULT" | "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  /** The namespaces that the mesh looks at: those that one of these takes in, or all without any. */
  readonly discoverySelectors: readonly LabelSelector[];
  /** Hosts, also patterns, that are used only within their cluster, or by others too. */
  readonly serviceSettings: readonly { readonly hosts: readonly string[]; readonly clusterLocal: boolean }[];
  /** Services that policies name. */
  readonly extensionProviders: readonly ExtensionProvider[];
  /** Roots that are believed besides the control plane's own. */
  readonly caCertificates: readonly CaCertificate[];
  readonly tcpKeepalive?: NonNullable<NonNullable<ConnectionPool["tcp"]>["tcpKeepalive"]>;
  /** How HTTP is treated: in a view as it is for the proxy, otherwise for proxies that say nothing themselves. */
  readonly http: HttpSettings;
  /** What is said of networks; most is told by labels instead. */
  readonly networks: readonly MeshNetwork[];
  /** For routes that say nothing of retries. */
  readonly defaultHttpRetryPolicy?: HTTPRetry;
}

/** Istio: pkg/config/mesh DefaultMeshConfig. */
export const defaultMeshConfig: MeshConfig = Object.freeze({
  rootNamespace: "istio-system",
  trustDomain: "cluster.local",
  trustDomainAliases: [],
  outboundTrafficPolicy: { mode: "ALLOW_ANY" as const },
  inboundTrafficMode: "PASSTHROUGH" as const,
  proxyListenPort: 15001,
  proxyInboundListenPort: 15006,
  connectTimeoutMs: 10_000,
  protocolDetectionTimeoutMs: 0,
  enableAutoMtls: true,
  meshMtls: { minProtocolVersion: "TLSV1_2" as const, cipherSuites: [], ecdhCurves: [] },
  tlsDefaults: { cipherSuites: [], ecdhCurves: [] },
  accessLogFile: "",
  accessLogEncoding: "TEXT" as const,
  accessLogFormat: "",
  ingressService: "istio-ingressgateway",
  ingressSelector: "istio-ingressgateway",
  defaultServiceExportTo: ["*"],
  defaultVirtualServiceExportTo: ["*"],
  defaultDestinationRuleExportTo: ["*"],
  localityLbSetting: { enabled: true },
  dnsRefreshRateMs: 60_000,
  h2Upgrade: false,
  pathNormalization: "DEFAULT" as const,
  discoverySelectors: [],
  serviceSettings: [],
  http: {},
  extensionProviders: [],
  caCertificates: [],
  networks: [],
});
