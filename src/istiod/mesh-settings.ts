import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import { completeInjectValues, type InjectValues, parseInjectValues } from "#inject/values.ts";
import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { parseDuration } from "#model/duration.ts";
import { defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";

/** What the config maps of the install say. */
export interface MeshSettings {
  readonly synced: Promise<void>;
  /** For the snapshot. The same object until the config map changes. */
  meshConfig(): MeshConfig;
  /** ConfigMap `istio`, key `mesh`, as it was written. */
  rawMesh(): InjectMeshConfig;
  injectValues(): InjectValues;
  onChange(listener: (what: "mesh" | "injector") => void): void;
}

/** Follows the config maps `istio` and `istio-sidecar-injector` of the revision. Text that can't be read keeps the last good one. */
export function followMeshSettings(options: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly revision: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}): MeshSettings {
  const { client, namespace, revision, signal, log } = options;
  const suffix = revision === "default" ? "" : `-${revision}`;
  const listeners: ((what: "mesh" | "injector") => void)[] = [];
  let raw: InjectMeshConfig = {};
  let mesh: MeshConfig = readMeshConfig({}, namespace);
  let values = completeInjectValues({ global: { istioNamespace: namespace } });

  function follow(name: string, key: string, read: (text: string | undefined) => void): Promise<void> {
    const informer = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
      signal,
      log,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    informer.onChange(({ after }) => {
      try {
        read(after?.data?.[key]);
      } catch (error) {
        log.error("config map can't be used; the last good one stays", {
          configMap: `${namespace}/${name}`,
          key,
          error,
        });
      }
    });
    return informer.synced;
  }

  const readMesh = (text: string | undefined): void => {
    const next = parseMeshConfig(text ?? "");
    mesh = readMeshConfig(next, namespace);
    raw = next;
    for (const listener of listeners) listener("mesh");
  };
  const readInjector = (text: string | undefined): void => {
    values = parseInjectValues(text ?? "", namespace);
    for (const listener of listeners) listener("injector");
  };
  const synced = Promise.all([
    follow(`istio${suffix}`, "mesh", readMesh),
    follow(`istio-sidecar-injector${suffix}`, "values", readInjector),
  ]);

  return {
    synced: synced.then(() => {}),
    meshConfig: () => mesh,
    rawMesh: () => raw,
    injectValues: () => values,
    onChange: (listener) => void listeners.push(listener),
  };
}

/** The snapshot's settings from Istio's MeshConfig in its JSON form. Throws for a value that can't be used. */
export function readMeshConfig(raw: Readonly<Record<string, unknown>>, rootNamespace: string): MeshConfig {
  const defaults = defaultMeshConfig;
  const text = (key: string, fallback: string): string => {
    const value = raw[key];
    if (value === undefined || value === null) return fallback;
    if (typeof value !== "string") throw new Error(`mesh: ${key}: ${JSON.stringify(value)} is not a text`);
    return value;
  };
  const texts = (key: string, fallback: readonly string[]): readonly string[] => {
    const value = raw[key];
    if (value === undefined || value === null) return fallback;
    if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
      throw new Error(`mesh: ${key}: ${JSON.stringify(value)} is not a list of texts`);
    return value as string[];
  };
  const port = (key: string, fallback: number): number => {
    const value = raw[key] ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 65_535)
      throw new Error(`mesh: ${key}: ${JSON.stringify(value)} is not a port`);
    return value;
  };
  const duration = (key: string, fallback: number): number => {
    const given = text(key, "");
    const value = given === "" ? fallback : parseDuration(given);
    if (value === undefined || value < 0) throw new Error(`mesh: ${key}: ${JSON.stringify(given)} is not a duration`);
    return value;
  };
  const flag = (key: string, fallback: boolean): boolean => (typeof raw[key] === "boolean" ? raw[key] : fallback);
  const policy = raw["outboundTrafficPolicy"] as { readonly mode?: string } | undefined;
  return Object.freeze({
    rootNamespace: text("rootNamespace", rootNamespace),
    trustDomain: text("trustDomain", defaults.trustDomain),
    trustDomainAliases: texts("trustDomainAliases", defaults.trustDomainAliases),
    outboundTrafficPolicy: {
      mode: policy?.mode === "REGISTRY_ONLY" ? ("REGISTRY_ONLY" as const) : ("ALLOW_ANY" as const),
    },
    proxyListenPort: port("proxyListenPort", defaults.proxyListenPort),
    proxyInboundListenPort: port("proxyInboundListenPort", defaults.proxyInboundListenPort),
    connectTimeoutMs: duration("connectTimeout", defaults.connectTimeoutMs),
    protocolDetectionTimeoutMs: duration("protocolDetectionTimeout", defaults.protocolDetectionTimeoutMs),
    enableAutoMtls: flag("enableAutoMtls", defaults.enableAutoMtls),
    accessLogFile: text("accessLogFile", defaults.accessLogFile),
    accessLogEncoding: text("accessLogEncoding", "TEXT") === "JSON" ? ("JSON" as const) : ("TEXT" as const),
    accessLogFormat: text("accessLogFormat", defaults.accessLogFormat),
    ingressService: text("ingressService", defaults.ingressService),
    ingressSelector: text("ingressSelector", defaults.ingressSelector),
    defaultServiceExportTo: texts("defaultServiceExportTo", defaults.defaultServiceExportTo),
    defaultVirtualServiceExportTo: texts("defaultVirtualServiceExportTo", defaults.defaultVirtualServiceExportTo),
    defaultDestinationRuleExportTo: texts("defaultDestinationRuleExportTo", defaults.defaultDestinationRuleExportTo),
    localityLbSetting:
      (raw["localityLbSetting"] as MeshConfig["localityLbSetting"] | undefined) ?? defaults.localityLbSetting,
    dnsRefreshRateMs: duration("dnsRefreshRate", defaults.dnsRefreshRateMs),
    h2Upgrade: raw["h2UpgradePolicy"] === "UPGRADE",
  });
}
