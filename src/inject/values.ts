import type { LabelSelector } from "#labels/label-selector.ts";
import { mergeValues } from "./merge-values.ts";
import { parseMap } from "./parse-map.ts";

/** Requests and limits as Kubernetes writes them; null takes a default away. */
export interface ResourceValues {
  readonly requests?: Readonly<Record<string, string | null>>;
  readonly limits?: Readonly<Record<string, string | null>>;
}

/** The part of Istio's chart values (`values.…`) that shapes injected pods. Unknown keys are kept and ignored. */
export interface InjectValues {
  readonly global: {
    readonly istioNamespace: string;
    readonly hub: string;
    readonly tag: string | number;
    readonly imagePullPolicy: string;
    readonly imagePullSecrets: readonly string[];
    readonly logAsJson: boolean;
    readonly logging: { readonly level: string };
    readonly caAddress: string;
    readonly caName: string;
    readonly meshID: string;
    readonly trustDomain?: string;
    readonly network: string;
    readonly multiCluster: { readonly clusterName: string };
    readonly mountMtlsCerts: boolean;
    readonly pilotCertProvider: string;
    readonly sds: { readonly token: { readonly aud: string } };
    readonly sts: { readonly servicePort: number };
    readonly proxy: ProxyValues;
    readonly proxy_init: {
      readonly image: string;
      readonly forceApplyIptables: boolean;
      readonly resources?: ResourceValues;
    };
  };
  readonly sidecarInjectorWebhook: {
    readonly rewriteAppHTTPProbe: boolean;
    readonly neverInjectSelector: readonly LabelSelector[];
    readonly alwaysInjectSelector: readonly LabelSelector[];
    readonly injectedAnnotations: Readonly<Record<string, string>>;
    readonly enableNamespacesByDefault: boolean;
    readonly defaultTemplates: readonly string[];
  };
  readonly pilot: {
    readonly cni: { readonly enabled: boolean; readonly provider: string };
    readonly env: Readonly<Record<string, string | number | boolean>>;
  };
  readonly revision: string;
}

/** `values.global.proxy`. */
interface ProxyValues {
  readonly image: string;
  readonly autoInject: string;
  readonly clusterDomain: string;
  readonly logLevel: string;
  readonly componentLogLevel: string;
  readonly includeInboundPorts: string;
  readonly excludeInboundPorts: string;
  readonly includeIPRanges: string;
  readonly excludeIPRanges: string;
  readonly includeOutboundPorts: string;
  readonly excludeOutboundPorts: string;
  readonly outlierLogPath: string;
  readonly privileged: boolean;
  readonly enableCoreDump?: boolean;
  readonly capNetBindService?: boolean;
  readonly holdApplicationUntilProxyStarts?: boolean;
  readonly readinessInitialDelaySeconds: number;
  readonly readinessPeriodSeconds: number;
  readonly readinessFailureThreshold: number;
  readonly startupProbe: { readonly enabled: boolean; readonly failureThreshold: number };
  readonly resources: ResourceValues;
  readonly lifecycle?: object;
  readonly seccompProfile: object;
  /** 0 switches the agent's probes off. */
  readonly statusPort: number;
  readonly tracer: string;
}

/** The defaults; names and meanings are those of Istio's istiod chart. */
const defaultInjectValues: InjectValues = {
  global: {
    istioNamespace: "istio-system",
    hub: "docker.io/weft",
    tag: "0.1.0",
    imagePullPolicy: "",
    imagePullSecrets: [],
    logAsJson: false,
    logging: { level: "default:info" },
    caAddress: "",
    caName: "",
    meshID: "",
    network: "",
    multiCluster: { clusterName: "" },
    mountMtlsCerts: false,
    pilotCertProvider: "istiod",
    sds: { token: { aud: "istio-ca" } },
    sts: { servicePort: 0 },
    proxy: {
      image: "proxyv2",
      autoInject: "enabled",
      clusterDomain: "cluster.local",
      logLevel: "warning",
      componentLogLevel: "misc:error",
      includeInboundPorts: "*",
      excludeInboundPorts: "",
      includeIPRanges: "*",
      excludeIPRanges: "",
      includeOutboundPorts: "",
      excludeOutboundPorts: "",
      outlierLogPath: "",
      privileged: false,
      readinessInitialDelaySeconds: 0,
      readinessPeriodSeconds: 15,
      readinessFailureThreshold: 4,
      startupProbe: { enabled: true, failureThreshold: 600 },
      resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2000m", memory: "1024Mi" } },
      seccompProfile: {},
      statusPort: 15020,
      tracer: "none",
    },
    proxy_init: { image: "proxyv2", forceApplyIptables: false },
  },
  sidecarInjectorWebhook: {
    rewriteAppHTTPProbe: true,
    neverInjectSelector: [],
    alwaysInjectSelector: [],
    injectedAnnotations: {},
    enableNamespacesByDefault: false,
    defaultTemplates: [],
  },
  pilot: { cni: { enabled: false, provider: "default" }, env: {} },
  revision: "",
};

/**
 * The values of an injector ConfigMap (key `values`: JSON, or YAML) over the defaults. Throws when the text is neither,
 * or no map.
 */
export function parseInjectValues(text: string, istioNamespace: string): InjectValues {
  const given = parseMap(text, "values");
  return completeInjectValues(mergeValues({ global: { istioNamespace } }, given));
}

/** User values over the defaults; null takes a default away, as in Helm. The CNI plugin's values may stand by themselves. */
export function completeInjectValues(given: unknown): InjectValues {
  const { cni, ...values } = (given ?? {}) as { cni?: unknown };
  const defaults = cni === undefined ? defaultInjectValues : mergeValues(defaultInjectValues, { pilot: { cni } });
  return mergeValues(defaults, values) as InjectValues;
}
