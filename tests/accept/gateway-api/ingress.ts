import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { Ingress } from "kubernetes-types/networking/v1.d.ts";
import { parseAllDocuments } from "yaml";
import { convertIngresses } from "#gateway-api/ingress.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { emptyInput } from "#snapshot/input.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { Call } from "../../simulation/call.ts";
import { simulate } from "../../simulation/simulate.ts";
import { proxyOf } from "../simulation/mesh.ts";
import type { AcceptCase } from "../suite.ts";
import { wholeConfig } from "../xds/proxy-config.ts";

type Expected = readonly [call: Partial<Call>, cluster: string];

const http = (host: string, path: string): Partial<Call> => ({ hostHeader: host, path });
const of = (host: string, ports: Readonly<Record<string, number>>): readonly Expected[] =>
  Object.entries(ports).map(([path, port]) => [http(host, path), `outbound|${port}||service1.ns.svc.cluster.local`]);
const tls = { port: 443, tls: "tls", sni: "foo.org" } as const;
const httpbin = "outbound|80||httpbin.bar.svc.cluster.local";

/** Calls at the ingress gateway, and the cluster they come to (or how they fail), by the file's name. */
const calls: Readonly<Record<string, readonly Expected[]>> = {
  "simple.yaml": [
    ...of("foohost.bar.com", { "/path": 4200, "/regex1/x": 4203, "/regex2/x": 4204, "/regex3/x": 4205 }),
    ...of("foohost.bar.com", { "/sub/path": 4201, "/sub/path/": 4202, "/sub/path/x": 4209 }),
    [http("foohost.bar.com", "/sub/pathology"), "ErrNoRoute"],
    [http("other.com", "/path"), "ErrNoVirtualHost"],
  ],
  "overlay.yaml": [
    ...of("foohost.bar.com", { "/": 4200, "/x": 4200 }),
    [http("foohost.bar.com", "/second"), "outbound|4200||service2.ns.svc.cluster.local"],
  ],
  "tls.yaml": [
    [http("foo.org", "/x"), httpbin],
    [{ ...http("foo.org", "/x"), ...tls }, httpbin],
  ],
  "tls-no-secret.yaml": [
    [http("foo.org", "/x"), httpbin],
    [{ ...http("foo.org", "/x"), ...tls }, "ErrNoListener"],
  ],
};

/** A case converts the Ingresses of one file and follows calls through what an ingress gateway gets. */
export default async function ingress(folder: string): Promise<readonly AcceptCase[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
  return Promise.all(
    files.sort().map(async (file) => {
      const documents = parseAllDocuments(await readFile(join(folder, file), "utf8"));
      const ingresses = documents.flatMap((document) => (document.toJS() as Ingress | null) ?? []);
      return { name: file, run: () => check(ingresses.map(withClass), calls[file]) };
    }),
  );
}

function withClass({ metadata, ...rest }: Ingress): Ingress {
  return { ...rest, metadata: { ...metadata, annotations: { "kubernetes.io/ingress.class": "istio" } } };
}

function check(ingresses: readonly Ingress[], expected: readonly Expected[] | undefined): void {
  assert.ok(expected, "no calls are written for this file yet");
  const services = servicesOf(ingresses);
  const converted = convertIngresses({
    ingresses: new Map(ingresses.map((one) => [`${one.metadata?.namespace}/${one.metadata?.name}`, one])),
    ingressClasses: new Map(),
    services,
    clusterDomain: "cluster.local",
    rootNamespace: "istio-system",
    ingressClass: "istio",
    mode: "STRICT",
    ingressSelector: "",
    ingressService: "istio-ingressgateway",
  });
  const generated = { ...converted, destinationRules: [] };
  const snapshot = buildSnapshot(undefined, { ...emptyInput(defaultMeshConfig), services, generated }, {});
  const proxy = proxyOf({ type: "router", namespace: "istio-system", labels: { istio: "ingressgateway" } });
  const config = wholeConfig(proxyView(snapshot, proxy));
  for (const [call, wanted] of expected) {
    const { clusterMatched, error } = simulate(config, "router", { port: 80, protocol: "http", ...call });
    assert.equal(error ?? clusterMatched, wanted, JSON.stringify(call));
  }
}

/** The services that the Ingresses lead to. */
function servicesOf(ingresses: readonly Ingress[]): Map<string, Service> {
  const ports = new Map<string, Set<number>>();
  for (const { metadata, spec } of ingresses) {
    for (const { backend } of spec?.rules?.flatMap((rule) => rule.http?.paths ?? []) ?? []) {
      const key = `${metadata?.namespace}/${backend.service?.name}`;
      ports.set(key, (ports.get(key) ?? new Set()).add(backend.service?.port?.number ?? 0));
    }
  }
  return new Map(
    [...ports].map(([key, numbers]): [string, Service] => {
      const [namespace = "", name = ""] = key.split("/");
      const list = [...numbers].map((port) => ({ name: `http-${port}`, port }));
      return [key, { metadata: { name, namespace }, spec: { clusterIP: "10.0.0.1", ports: list } }];
    }),
  );
}
