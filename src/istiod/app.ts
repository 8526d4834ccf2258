import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import { createTokenReviewer, type WorkloadIdentity } from "#ca/token-review.ts";
import { bootstrapPatch } from "#envoy/envoy-filter/bootstrap.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Informer } from "#kube/informer.ts";
import { type Leadership, standForElection } from "#kube/leader-election.ts";
import type { Log } from "#log/log.ts";
import { isDiscovered } from "#snapshot/discovery.ts";
import { patchesOf } from "#snapshot/envoy-filters.ts";
import { wantedKeys } from "#snapshot/token-rules.ts";
import { createStatusKeeper } from "#status/status-keeper.ts";
import { keepWebhookConfigurations } from "#webhook/ca-bundle.ts";
import { createWebhookServer } from "#webhook/server.ts";
import { createAdsServer } from "#xds/ads-server.ts";
import type { GrpcCall } from "#xds/grpc-call.ts";
import { createGrpcServer } from "#xds/grpc-server.ts";
import { shortTypeName } from "#xds/resource.ts";
import { createAddressAllocation } from "./address-allocation.ts";
import { createConfigStatus } from "./config-status.ts";
import { createConnectionCounts } from "./connection-counts.ts";
import { followCredentials } from "./credentials/credentials.ts";
import { createDebugAccess } from "./debug-access.ts";
import { keepGatewayDeployments } from "./gateway-api/deployments.ts";
import { followGatewayApi, type GatewayApi } from "./gateway-api/gateway-api.ts";
import { createHttpServer } from "./http-server.ts";
import { createIdentify } from "./identity/authenticate.ts";
import { certificateMethod, createCertificatePath } from "./identity/certificate-service.ts";
import { createKubernetesSigner } from "./identity/kubernetes-signer.ts";
import { followTrust } from "./identity/trust.ts";
import { followMeshObjects } from "./mesh-objects.ts";
import { followMeshSettings } from "./mesh-settings.ts";
import { createMetrics } from "./metrics.ts";
import type { IstiodOptions } from "./options.ts";
import { createRegistration } from "./registration/registration.ts";
import { followServedTypes } from "./served-types.ts";
import { keepSnapshots, type Snapshots } from "./snapshots.ts";
import { createTextFetcher } from "./token-keys/fetch-text.ts";
import { createKeyKeeper } from "./token-keys/key-keeper.ts";
import { openXdsClient, type ProxyClient } from "./xds-clients.ts";

/** As long as a start waits for keys of tokens (ms). */
const firstKeysMs = 10_000;

/** A running control plane. */
export interface Istiod {
  /** The ports that were taken; 0 for one that is closed. */
  readonly ports: Readonly<Record<keyof IstiodOptions["ports"], number>>;
  /** PEM of the roots that istiod is known by now. */
  rootPem(): string;
  stop(): Promise<void>;
}

export interface IstiodDependencies {
  readonly client: KubeClient;
  readonly options: IstiodOptions;
  readonly version: string;
  readonly log: Log;
}

/**
 * Wires the control plane together and starts it; resolves when it is ready. The order: read the cluster and the root at the same
 * time; build the first snapshot; only then open the xDS ports, so that nobody gets half a mesh.
 */
export async function startIstiod({ client, options, version, log }: IstiodDependencies): Promise<Istiod> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const { namespace, revision, ports, host } = options;
  const metrics = createMetrics(version);

  const watchLog = log.with({ part: "watch" });
  const served = followServedTypes({ client, signal, log: watchLog });
  const objects = followMeshObjects({ client, served, signal, log: watchLog });
  const settings = followMeshSettings({ client, namespace, revision, signal, log });
  const caLog = log.with({ part: "ca" });
  await settings.synced;
  const trust = await followTrust({
    client,
    options,
    settings,
    namespaces: objects.namespaces as Informer<Namespace>,
    isDiscovered: (name) => isDiscovered(name, objects.current().namespaces, settings.meshConfig()),
    metrics: metrics.ca,
    signal,
    log: caLog,
  });
  const credentials = followCredentials({
    client,
    isGranted: (namespace, credential) => gatewayApi.refersTo(namespace, credential),
    signal,
    log: log.with({ part: "credentials" }),
  });
  // A pod that is started again is still itself.
  const candidate = process.env["POD_NAME"] || `istiod-${randomUUID()}`;
  const leaderships: Leadership[] = [];
  const standFor = (name: string): Leadership => {
    const leadership = standForElection({
      client,
      namespace,
      name,
      identity: candidate,
      signal,
      log: log.with({ part: "leader" }),
    });
    leaderships.push(leadership);
    return leadership;
  };
  const gatewayApi: GatewayApi = followGatewayApi({
    client,
    served,
    credentials,
    settings,
    clusterDomain: options.domain,
    rootNamespace: namespace,
    leadership: standFor("istio-gateway-status-leader"),
    signal,
    log: log.with({ part: "gateway-api" }),
  });
  await Promise.all([objects.synced, settings.synced, credentials.synced, gatewayApi.synced]);

  const statusLog = log.with({ part: "status" });
  const status = createConfigStatus(
    createStatusKeeper({ client, signal, log: statusLog }),
    gatewayApi.rejections,
    statusLog,
  );
  const addresses = createAddressAllocation({
    client,
    leadership: standFor("istio-ip-autoallocate"),
    signal,
    log: log.with({ part: "addresses" }),
  });
  const tokenKeys = createKeyKeeper({
    settings: options.tokenKeys,
    fetchText: createTextFetcher(options.tokenKeys, signal),
    metrics: metrics.tokenKeys,
    signal,
    log: log.with({ part: "token-keys" }),
  });
  const snapshots: Snapshots = keepSnapshots({
    objects,
    settings,
    gatewayApi,
    tokenKeys,
    attachment: options.attachment,
    severalAuthorizers: options.severalAuthorizers,
    clusterDomain: options.domain,
    clusterId: options.clusterId,
    debounceMs: options.debounceMs,
    log: log.with({ part: "snapshot" }),
    onEvent: (type) => metrics.event(type),
    onSnapshot(snapshot, scope, pods) {
      metrics.snapshot({ services: snapshot.services.length, virtualServices: snapshot.rules.length });
      // Pods are what Gateways select.
      if (scope === "all" || pods.size > 0) status.snapshot(snapshot, objects.passedOver());
      if (scope === "all") {
        addresses.snapshot(snapshot);
        tokenKeys.want(wantedKeys(snapshot));
        status.unreadKeys(tokenKeys.problems());
      }
      if (scope !== undefined) {
        metrics.pushed(scope === "all" ? "config" : "endpoint");
        ads.push(scope);
      }
      // What a workload itself serves follows from its own pod.
      if (scope !== "all" && pods.size > 0)
        ads.push("all", (connected) => {
          const { proxy } = connected as ProxyClient;
          return pods.has(`${proxy.namespace}/${proxy.name}`);
        });
    },
  });
  const first = snapshots.current();
  metrics.snapshot({ services: first.services.length, virtualServices: first.rules.length });
  status.snapshot(first, objects.passedOver());
  addresses.snapshot(first);
  keepGatewayDeployments({
    client,
    resources: gatewayApi.resources,
    objects,
    settings,
    rootNamespace: namespace,
    revision,
    environment: options.injection,
    proxyConfigs: () => [...snapshots.current().inEffect.proxyConfigs.values()],
    leadership: standFor(`istio-gateway-deployment-${revision}`),
    signal,
    log: log.with({ part: "gateway-deployments" }),
  });

  const reviewer = createTokenReviewer(client, { audiences: options.ca.audiences });
  const identify = createIdentify({
    reviewer,
    trustDomain: () => settings.meshConfig().trustDomain,
    trustDomainAliases: () => settings.meshConfig().trustDomainAliases,
    log: log.with({ part: "auth" }),
  });
  const identities = new WeakMap<GrpcCall, WorkloadIdentity>();
  const xdsLog = log.with({ part: "xds" });
  const registration = createRegistration({
    client,
    controller: process.env["POD_NAME"] ?? "istiod",
    graceMs: options.workloadGraceMs,
    maxConnectionAgeMs: options.maxConnectionAgeMs,
    signal,
    log: log.with({ part: "registration" }),
  });
  const connections = createConnectionCounts();
  const ads = createAdsServer({
    log: xdsLog,
    controlPlane: JSON.stringify({ component: "istiod", id: process.env["POD_NAME"] ?? "", info: { version } }),
    pushesAtOnce: options.pushesAtOnce,
    async authenticate(call) {
      // The plaintext port is for clients inside of the control plane's own trust, as in Istio.
      if (call.isSecure) identities.set(call, await identify(call));
    },
    async open(node, call) {
      const identity = identities.get(call);
      if (identity && node.id.startsWith("router~")) await credentials.ready(identity);
      return openXdsClient(node, identity, {
        snapshot: () => snapshots.current(),
        credentials,
        registration,
        connections,
        trustAnchors: trust.anchors,
        log: xdsLog,
        events: {
          onOpened(proxy) {
            metrics.connected(proxy.version, 1);
            status.opened(proxy);
          },
          onClosed(proxy) {
            metrics.connected(proxy.version, -1);
            status.closed(proxy);
          },
          onSent: (typeUrl, _resources, bytes) => metrics.sent(shortTypeName(typeUrl), bytes),
          onAccepted: (proxy, subscription, resources) => status.accepted(proxy, subscription, resources),
          onRejected(proxy, subscription, view) {
            metrics.rejected(shortTypeName(subscription.typeUrl));
            status.rejected(proxy, subscription, view);
          },
          onConverged: (ms) => metrics.converged(ms / 1000),
        },
      });
    },
  });

  trust.onAnchors(() => ads.push("all"));
  credentials.onChange((change) =>
    ads.push("all", (connected) => (connected as ProxyClient).credentials.concernedBy(change)),
  );

  const limits = { connectionAgeMs: options.maxConnectionAgeMs };
  const grpcLog = log.with({ part: "grpc" });
  const certificates = certificateMethod({
    signer: trust.signer,
    external:
      options.ca.external &&
      createKubernetesSigner({
        client,
        signer: options.ca.external,
        caCertificates: () => settings.meshConfig().caCertificates,
        log: caLog,
      }),
    onRoot: trust.noteRoot,
    trustAnchors: trust.anchors,
    identify,
    lifetimeMs: options.ca.lifetimeMs,
    onIssued: trust.noteLifetime,
    metrics: metrics.ca,
    log: caLog,
  });
  const plainGrpc = createGrpcServer({ methods: ads.methods, log: grpcLog, limits });
  const secureGrpc = createGrpcServer({
    methods: new Map([...ads.methods, [createCertificatePath, certificates]]),
    tls: trust.serverTls(),
    log: grpcLog,
    limits,
  });
  const webhooks = createWebhookServer({
    tls: { cert: trust.serverTls().cert, key: trust.serverTls().key },
    log: log.with({ part: "webhook" }),
    onReview: (webhook, allowed) => metrics.reviewed(webhook, allowed),
    injectSettings: () => ({
      values: settings.injectValues(),
      mesh: settings.rawMesh(),
      proxyConfigs: [...snapshots.current().inEffect.proxyConfigs.values()],
      bootstrapPatch: (podNamespace, labels) =>
        bootstrapPatch(
          patchesOf(snapshots.current(), { name: "", namespace: podNamespace, labels, version, metadata: {} }),
        ),
      revision,
      environment: options.injection,
      kubeletVersions: [...snapshots.current().input.nodes.values()].map(
        (node) => node.status?.nodeInfo?.kubeletVersion ?? "",
      ),
    }),
  });
  trust.onServerTls((tls) => {
    secureGrpc.setTls(tls);
    webhooks.setTls({ cert: tls.cert, key: tls.key });
  });
  let notReady: string | undefined = "starting";
  const http = createHttpServer(
    {
      ads,
      snapshots,
      settings,
      version,
      metrics,
      problems: () => [...snapshots.current().problems, ...objects.passedOver()],
      notReady: () => notReady,
      debugAccess: createDebugAccess({
        reviewer,
        namespaces: [namespace, ...options.debug.namespaces],
        isEnabled: options.debug.isProtected,
        log: log.with({ part: "auth" }),
      }),
    },
    log.with({ part: "http" }),
  );
  tokenKeys.want(wantedKeys(first));
  // So that after a restart no proxy is told that it has to refuse the tokens it has accepted until now.
  await Promise.race([tokenKeys.settled(), sleep(firstKeysMs, undefined, { signal, ref: false })]);
  snapshots.refresh();
  const [xds, secureXds, webhook, monitoring, httpPort] = await Promise.all([
    ports.xds === undefined ? 0 : plainGrpc.listen(ports.xds, host),
    secureGrpc.listen(ports.secureXds, host),
    webhooks.listen(ports.webhook, host),
    http.listen(ports.monitoring, host),
    http.listen(ports.http, host),
  ]);
  const askForBundles = keepWebhookConfigurations({
    client,
    revision,
    rootPem: trust.rootPem,
    namespace,
    signal,
    log: log.with({ part: "webhook" }),
  });
  trust.onServerTls(askForBundles);
  notReady = undefined;

  return {
    ports: { xds, secureXds, webhook, monitoring, http: httpPort },
    rootPem: trust.rootPem,
    async stop() {
      notReady = "stopping";
      await Promise.all(leaderships.map((leadership) => leadership.resign()));
      stopping.abort();
      snapshots.stop();
      status.stop();
      ads.stop();
      await Promise.all([plainGrpc.shutdown(), secureGrpc.shutdown(), webhooks.shutdown(), http.shutdown()]);
    },
  };
}
