import assert from "node:assert/strict";
import type { KubeObject } from "#kube/object.ts";
import { eventually, freePort } from "#xds/test-envoy.ts";
import { ownAddress } from "../istiod/own-address.ts";
import type { AttackedMesh, Owner } from "./attacked-mesh.ts";
import { type LenientServer, lenientServer } from "./lenient-server.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";

/** A workload that is reached through its sidecar, and from outside through a gateway. */
export interface Web {
  readonly server: LenientServer;
  readonly gateway: number;
  readonly sidecar: number;
  /** Another port of the sidecar, whose protocol nobody said: it is guessed by how a connection begins. */
  readonly undeclared: number;
}

/** Namespace `shop` with the service `web`; the gateway has the label `app: edge`, the sidecar `app: web`. */
export async function startWeb(t: Owner, mesh: AttackedMesh): Promise<Web> {
  const server = await lenientServer(t);
  const web = { server, gateway: await freePort(), sidecar: await freePort(), undeclared: await freePort() };
  await mesh.apply(...objectsOf(web));
  await mesh.startProxy(t, { type: "router", name: "edge", namespace: "shop" });
  await mesh.startProxy(t, { type: "sidecar", name: "web", namespace: "shop" });
  for (const port of [web.gateway, web.sidecar, web.undeclared])
    await eventually(async () => {
      const { text } = await rawExchange({ port }, "GET / HTTP/1.1\r\nHost: web.example.com\r\n\r\n");
      assert.deepEqual(statusesOf(text), [200]);
    });
  return web;
}

function objectsOf({ server, gateway, sidecar, undeclared }: Web): readonly KubeObject[] {
  const metadata = { name: "web", namespace: "shop" };
  const networking = "networking.istio.io/v1";
  const http = (number: number) => ({ number, name: "http", protocol: "HTTP" });
  const objects: object[] = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { ports: [{ name: "http", port: 80, targetPort: server.port }] },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [ownAddress], conditions: { ready: true } }],
      ports: [{ name: "http", port: server.port, protocol: "TCP" }],
    },
    {
      apiVersion: networking,
      kind: "Gateway",
      metadata,
      spec: { selector: { app: "edge" }, servers: [{ port: http(gateway), hosts: ["*"] }] },
    },
    {
      apiVersion: networking,
      kind: "VirtualService",
      metadata,
      spec: { hosts: ["*"], gateways: ["web"], http: [{ route: [{ destination: { host: "web" } }] }] },
    },
    {
      // Its port is opened by the proxy itself, so that nothing has to be captured.
      apiVersion: networking,
      kind: "Sidecar",
      metadata,
      spec: {
        workloadSelector: { labels: { app: "web" } },
        ingress: [http(sidecar), { number: undeclared, name: "any" }].map((port) => ({
          port,
          bind: "127.0.0.1",
          captureMode: "NONE",
          defaultEndpoint: `127.0.0.1:${server.port}`,
        })),
        egress: [{ hosts: ["./*"] }],
      },
    },
  ];
  return objects;
}
