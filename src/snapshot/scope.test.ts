import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { ServiceEntrySpec } from "#api/istio/service-entry.ts";
import type { Sidecar, SidecarSpec } from "#api/istio/sidecar.ts";
import type { VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { buildSnapshot } from "./build.ts";
import { findEgress } from "./egress.ts";
import { emptyInput, type InputObjects, type MeshInput } from "./input.ts";
import { proxyView } from "./proxy-view.ts";

function service(key: string, ports: readonly number[] = [80], exportTo = ""): Service {
  const [namespace, name] = key.split("/");
  return {
    metadata: {
      name: name ?? "",
      namespace: namespace ?? "",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(exportTo ? { annotations: { "networking.istio.io/exportTo": exportTo } } : {}),
    },
    spec: { clusterIP: "10.0.0.1", ports: ports.map((port) => ({ name: `http-${port}`, port })) },
  };
}

function resource<Spec>(kind: string, key: string, spec: Spec, created = "2026-01-01T00:00:00Z"): IstioObject<Spec> {
  const [namespace = "", name = ""] = key.split("/");
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name, namespace, creationTimestamp: created },
    spec,
  };
}

function keyed<T extends { readonly metadata?: object }>(...items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(
    items.map((item) => {
      const { namespace, name } = item.metadata as { namespace: string; name: string };
      return [`${namespace}/${name}`, item];
    }),
  );
}

function input(parts: Partial<InputObjects>): MeshInput {
  return { ...emptyInput(defaultMeshConfig), ...parts };
}

function proxy(namespace = "shop", labels: Record<string, string> = {}, metadata: object = {}): Proxy {
  const parsed = parseProxy({
    id: `sidecar~10.1.0.1~web.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { LABELS: labels, ...metadata },
  });
  assert.ok(typeof parsed !== "string");
  return parsed;
}

const services = keyed(
  service("shop/web"),
  service("shop/db", [5432, 80]),
  service("bank/pay"),
  service("bank/hidden", [80], "."),
  service("other/far"),
);

/** What a proxy may call, as `name.namespace`, with the ports where it isn't only 80. */
function callable(given: MeshInput, by: Proxy = proxy()): readonly string[] {
  const { scope } = proxyView(buildSnapshot(undefined, given, {}), by);
  return scope.services
    .map(({ hostname, ports }) => {
      const numbers = ports.map(({ port }) => port).join();
      return hostname.replace(".svc.cluster.local", "") + (numbers === "80" ? "" : `:${numbers}`);
    })
    .sort();
}

const sidecar = (spec: SidecarSpec, key = "shop/default"): Partial<InputObjects> => ({
  sidecars: keyed<Sidecar>(resource("Sidecar", key, spec)),
});

test("without a Sidecar everything that is exported is seen", () => {
  assert.deepEqual(callable(input({ services })), ["db.shop:5432,80", "far.other", "pay.bank", "web.shop"]);
});

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a namespace", ["./*"], ["db.shop:5432,80", "web.shop"]],
  ["a host of a namespace", ["bank/pay.bank.svc.cluster.local"], ["pay.bank"]],
  ["a host in any namespace", ["*/far.other.svc.cluster.local"], ["far.other"]],
  ["a pattern", ["*/*.bank.svc.cluster.local"], ["pay.bank"]],
  ["all but a namespace", ["*/*", "~shop/*"], ["far.other", "pay.bank"]],
  ["what isn't exported", ["bank/hidden.bank.svc.cluster.local"], []],
  ["nothing", ["~/*"], []],
];
for (const [name, hosts, want] of cases) {
  test(`a Sidecar brings in ${name}`, () =>
    assert.deepEqual(callable(input({ services, ...sidecar({ egress: [{ hosts }] }) })), want));
}

test("a Sidecar of the workload comes before that of the namespace, and that before the root's", () => {
  const sidecars = keyed<Sidecar>(
    resource("Sidecar", "istio-system/default", { egress: [{ hosts: ["other/*"] }] }),
    resource("Sidecar", "shop/default", { egress: [{ hosts: ["./*"] }] }),
    resource("Sidecar", "shop/web", { workloadSelector: { labels: { app: "web" } }, egress: [{ hosts: ["bank/*"] }] }),
  );
  const given = input({ services, sidecars });
  assert.deepEqual(callable(given, proxy("shop", { app: "web" })), ["pay.bank"]);
  assert.deepEqual(callable(given, proxy("shop", { app: "db" })), ["db.shop:5432,80", "web.shop"]);
  assert.deepEqual(callable(given, proxy("bank")), ["far.other"]);
});

test("where a route of what is brought in leads is brought in too, with the port it names", () => {
  const spec: VirtualServiceSpec = {
    hosts: ["web.shop.svc.cluster.local"],
    http: [
      { match: [{ sourceNamespace: "elsewhere" }], route: [{ destination: { host: "far.other.svc.cluster.local" } }] },
      { route: [{ destination: { host: "db.shop.svc.cluster.local", port: { number: 5432 } } }] },
    ],
  };
  const given = input({
    services,
    virtualServices: keyed(resource("VirtualService", "shop/web", spec)),
    ...sidecar({ egress: [{ hosts: ["./web.shop.svc.cluster.local"] }] }),
  });
  assert.deepEqual(callable(given), ["db.shop:5432", "web.shop"]);
});

test("an egress listener with a port brings in that port only, and the one without takes the others", () => {
  const given = input({
    services,
    ...sidecar({
      egress: [
        { port: { number: 80, protocol: "HTTP" }, hosts: ["./db.shop.svc.cluster.local"] },
        { hosts: ["bank/*"] },
      ],
    }),
  });
  const { scope } = proxyView(buildSnapshot(undefined, given, {}), proxy());
  const names = (port: number) =>
    findEgress(scope.egress, port)?.services.map(({ hostname }) => hostname.split(".")[0]);
  assert.deepEqual(names(80), ["db"]);
  assert.deepEqual(names(9999), ["pay"]);
});

test("a change of a service that isn't brought in leaves the scope as it is", () => {
  const first = input({ services, ...sidecar({ egress: [{ hosts: ["./*"] }] }) });
  const before = buildSnapshot(undefined, first, {});
  const second = { ...first, services: new Map([...services, ["other/new", service("other/new")]]) };
  const after = buildSnapshot(before, second, { services: new Set(["other/new"]) });
  const [old, now] = [proxyView(before, proxy()).scope, proxyView(after, proxy()).scope];
  assert.equal(now.destinations, old.destinations);
  assert.equal(now.egress, old.egress);
});

const entry = (key: string, spec: ServiceEntrySpec, created?: string) => resource("ServiceEntry", key, spec, created);
const ports = [{ number: 80, name: "http", protocol: "HTTP" }];

test("a Service has its name whatever ServiceEntries say, and the client's namespace comes before others", () => {
  const early = "2020-01-01T00:00:00Z";
  const serviceEntries = keyed(
    entry("bank/squat", { hosts: ["web.shop.svc.cluster.local"], ports }, early),
    entry("bank/api", { hosts: ["api.example"], ports: [{ number: 1, name: "a" }] }, early),
    entry("shop/api", { hosts: ["api.example"], ports }),
    entry("shop/more", { hosts: ["api.example"], ports: [{ number: 90, name: "more" }] }),
  );
  const { scope } = proxyView(buildSnapshot(undefined, input({ services, serviceEntries }), {}), proxy());
  assert.equal(scope.byHost.get("web.shop.svc.cluster.local")?.registry, "Kubernetes");
  const api = scope.byHost.get("api.example");
  assert.equal(api?.namespace, "shop");
  assert.deepEqual(
    api?.ports.map(({ port }) => port),
    [80, 90],
  );
});

test("allocated addresses are for clients that capture DNS, of the IP versions that they have", () => {
  const api = {
    ...entry("shop/api", { hosts: ["api.example"], ports, resolution: "DNS" }),
    status: {
      addresses: [
        { host: "api.example", value: "240.240.0.5" },
        { host: "api.example", value: "2001:2::5" },
      ],
    },
  };
  const snapshot = buildSnapshot(undefined, input({ serviceEntries: keyed(api) }), {});
  const addresses = (by: Proxy) => proxyView(snapshot, by).scope.byHost.get("api.example")?.addresses;
  assert.deepEqual(addresses(proxy()), []);
  assert.deepEqual(addresses(proxy("shop", {}, { DNS_CAPTURE: "true" })), ["240.240.0.5"]);
  const at = (ips: string) => addresses(proxy("shop", {}, { DNS_CAPTURE: "true", INSTANCE_IPS: ips }));
  assert.deepEqual(at("fd00::1"), ["2001:2::5"]);
  assert.deepEqual(at("10.0.0.9,fd00::1"), ["240.240.0.5", "2001:2::5"]);
});

test("workloads outside of Kubernetes are endpoints of what selects them, once they are healthy", () => {
  const workload = (name: string, address: string, healthy?: string) => ({
    ...resource("WorkloadEntry", `shop/${name}`, { address, labels: { app: "vm" }, ports: { http: 8080 } }),
    ...(healthy
      ? {
          metadata: { name, namespace: "shop", annotations: { "proxy.istio.io/health-checks-enabled": "true" } },
          status: { conditions: [{ type: "Healthy", status: healthy }] },
        }
      : {}),
  });
  const vm: Service = {
    metadata: { name: "vm", namespace: "shop" },
    spec: { clusterIP: "10.0.0.2", selector: { app: "vm" }, ports: [{ name: "http", port: 80 }] },
  };
  const snapshot = buildSnapshot(
    undefined,
    input({
      services: keyed(vm),
      serviceEntries: keyed(
        entry("shop/vm", {
          hosts: ["vm.example"],
          ports,
          resolution: "STATIC",
          workloadSelector: { labels: { app: "vm" } },
        }),
      ),
      workloadEntries: keyed(
        workload("a", "192.0.2.1"),
        workload("b", "192.0.2.2", "False"),
        workload("c", "192.0.2.3", "True"),
      ),
    }),
    {},
  );
  for (const key of ["shop/vm.shop.svc.cluster.local", "shop/vm.example"]) {
    assert.deepEqual(
      snapshot.endpoints
        .get(key)
        ?.map(({ address, port }) => `${address}:${port}`)
        .sort(),
      ["192.0.2.1:8080", "192.0.2.3:8080"],
      key,
    );
  }
});
