import type { WorkloadIdentity } from "#ca/token-review.ts";
import { generateSet } from "#envoy/generate.ts";
import { trustAnchors } from "#envoy/trust-anchors.ts";
import type { Log } from "#log/log.ts";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import type { View, XdsClient } from "#xds/client.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import type { XdsNode } from "#xds/node.ts";
import { typeUrls } from "#xds/resource.ts";
import { type ResourceSet, sharedSet } from "#xds/resource-set.ts";
import type { Subscription } from "#xds/subscription.ts";
import type { ConnectionCounts } from "./connection-counts.ts";
import type { Credentials, ProxyCredentials } from "./credentials/credentials.ts";
import type { Registration } from "./registration/registration.ts";

/** A connected proxy. */
export interface ProxyClient extends XdsClient {
  readonly proxy: Proxy;
  readonly credentials: ProxyCredentials;
}

export interface XdsClientEvents {
  /** The first connection of the proxy or its agent. */
  readonly onOpened: (proxy: Proxy) => void;
  /** The last one is gone. */
  readonly onClosed: (proxy: Proxy) => void;
  readonly onSent: (typeUrl: string, resources: number, bytes: number) => void;
  readonly onAccepted: (proxy: Proxy, subscription: Subscription, resources: ResourceSet) => void;
  readonly onRejected: (proxy: Proxy, subscription: Subscription, view: View) => void;
  readonly onConverged: (ms: number) => void;
}

/** `podname.namespace`, by which `istioctl` calls a proxy. */
export function proxyId(proxy: Proxy): string {
  return `${proxy.name}.${proxy.namespace}`;
}

/**
 * Makes the client for a node. Throws a GrpcError for a node that isn't a proxy's, and for one that says it is in a namespace, or
 * runs as a service account, which isn't its token's (Istio: checkConnectionIdentity), or that can't have the WorkloadEntry it asks for.
 */
export async function openXdsClient(
  node: XdsNode,
  identity: WorkloadIdentity | undefined,
  options: {
    readonly snapshot: () => Snapshot;
    readonly credentials: Credentials;
    /** Root certificates that workloads check each other against, PEM; the same list until it changes. */
    readonly trustAnchors: () => readonly string[];
    readonly registration: Registration;
    /** By {@link proxyId}: Envoy's stream, and those that its agent has for its own needs. */
    readonly connections: ConnectionCounts;
    readonly events: XdsClientEvents;
    readonly log: Log;
  },
): Promise<ProxyClient> {
  const { snapshot, connections, events, log } = options;
  const proxy = parseProxy(node);
  if (typeof proxy === "string") throw new GrpcError(grpcCode.invalidArgument, proxy);
  const mismatch = identity && mismatchOf(proxy, identity, snapshot());
  if (mismatch) {
    log.warn("a proxy was refused: it isn't who its credentials say", { node: node.id.slice(0, 200), error: mismatch });
    throw new GrpcError(grpcCode.permissionDenied, mismatch);
  }
  const id = proxyId(proxy);
  const registered = await options.registration.connect(proxy, identity);
  const credentials = options.credentials.open(proxy, identity);
  let last: { readonly snapshot: Snapshot; readonly view: View } | undefined;
  const view = (): View => {
    const now = snapshot();
    if (last?.snapshot !== now) {
      const seen = proxyView(now, proxy);
      last = {
        snapshot: now,
        view: {
          version: String(now.generation),
          generate(typeUrl, names) {
            if (typeUrl === typeUrls.secret) return sharedSet(credentials.generate(names ?? []));
            if (typeUrl === typeUrls.proxyConfig) return trustAnchors(options.trustAnchors());
            return generateSet(seen, typeUrl, names);
          },
        },
      };
    }
    return last.view;
  };
  if (connections.open(id)) {
    events.onOpened(proxy);
    log.info("proxy connected", { proxy: id, type: proxy.type, version: proxy.version });
  }
  return {
    id,
    proxy,
    credentials,
    view,
    onSent: (typeUrl, { resources, bytes }) => events.onSent(typeUrl, resources, bytes),
    onAccepted: (subscription, resources) => events.onAccepted(proxy, subscription, resources),
    onRejected: (subscription, _rejection, seen) => events.onRejected(proxy, subscription, seen),
    onConverged: (ms) => events.onConverged(ms),
    onHealth: (problem) => registered?.health(problem),
    onClosed() {
      registered?.close();
      if (!connections.close(id)) return;
      events.onClosed(proxy);
      log.info("proxy disconnected", { proxy: id });
    },
  };
}

function mismatchOf(
  proxy: Proxy,
  { namespace, serviceAccount }: WorkloadIdentity,
  { input }: Snapshot,
): string | undefined {
  if (proxy.namespace !== namespace)
    return `the node is in namespace ${proxy.namespace}, its token is from ${namespace}`;
  if (proxy.serviceAccount && proxy.serviceAccount !== serviceAccount)
    return `the node runs as ${proxy.serviceAccount}, its token is ${serviceAccount}'s`;
  // Who leaves out its account, or says a wrong one, isn't believed to be another's pod.
  const runsAs = input.pods.get(`${namespace}/${proxy.name}`)?.spec?.serviceAccountName;
  if (runsAs && runsAs !== serviceAccount)
    return `the node is pod ${proxy.name}, which runs as ${runsAs}, its token is ${serviceAccount}'s`;
  return undefined;
}
