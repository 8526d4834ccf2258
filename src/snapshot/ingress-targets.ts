import type { IngressListener, Sidecar } from "#api/istio/sidecar.ts";
import { parseEndpointAddress } from "#model/ip.ts";
import { memo } from "#model/memo.ts";
import { isTls, type Protocol, parseProtocol } from "#model/protocol.ts";
import type { Proxy } from "#model/proxy.ts";
import type { Service } from "#model/service.ts";
import type { IngressTarget, ServiceTarget } from "./targets.ts";

const unixPrefix = "unix://";

/**
 * What a workload serves where a Sidecar has ingress listeners: those instead of the services' ports. Istio:
 * buildInboundChainConfigs, buildInboundClusters.
 */
export const ingressTargets: (
  sidecar: Sidecar,
  proxy: Proxy,
  targets: readonly ServiceTarget[],
) => readonly ServiceTarget[] = memo(makeTargets);

function makeTargets(sidecar: Sidecar, proxy: Proxy, targets: readonly ServiceTarget[]): readonly ServiceTarget[] {
  return (sidecar.spec.ingress ?? []).map((listener): ServiceTarget => {
    const { port = {}, tls } = listener;
    const number = port.number ?? 0;
    const protocol = parseProtocol(port.protocol ?? "");
    const name = `${sidecar.metadata.name}.${proxy.namespace}`;
    const ingress: IngressTarget = {
      hostname: `${port.name ?? ""}.${name}`,
      bind: listener.bind || proxy.ip,
      opensPort: listener.captureMode === "NONE" || (!listener.captureMode && proxy.interceptionMode === "NONE"),
      endpoint: defaultEndpoint(listener, proxy),
      tls,
      connectionPool: listener.connectionPool ?? sidecar.spec.inboundConnectionPool,
    };
    return {
      service: targets.find(({ targetPort }) => targetPort === number)?.service ?? synthetic(name, proxy.namespace),
      port: { name: port.name ?? "", port: number, protocol: tls ? inside(protocol) : protocol, targetPort: number },
      targetPort: number,
      ingress,
    };
  });
}

/** What is spoken in the TLS that the sidecar ends. */
function inside(protocol: Protocol): Protocol {
  if (!isTls(protocol)) return protocol;
  return protocol === "HTTPS" ? "HTTP" : "TCP";
}

function defaultEndpoint({ defaultEndpoint: text = "" }: IngressListener, proxy: Proxy): IngressTarget["endpoint"] {
  if (text === "") return undefined;
  if (text.startsWith(unixPrefix)) return { address: text.slice(unixPrefix.length), port: 0 };
  const parsed = parseEndpointAddress(text);
  if (parsed === undefined) return undefined;
  const { host, port } = parsed;
  // The pod's own address, as the application may not listen on the loopback.
  if (host === "0.0.0.0" || host === "::") return { address: proxy.ip, port };
  return { address: host === "" ? "127.0.0.1" : host, port };
}

function synthetic(hostname: string, namespace: string): Service {
  return {
    hostname,
    name: hostname,
    namespace,
    registry: "External",
    meshExternal: false,
    addresses: [],
    autoAddresses: [],
    ports: [],
    resolution: "ClientSideLB",
    selector: {},
    labels: {},
    exportTo: new Set(),
    created: 0,
    aliases: [],
    subjectAltNames: [],
    ownEndpoints: [],
    trafficDistribution: "Any",
    headless: false,
    publishNotReady: false,
  };
}
