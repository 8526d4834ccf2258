import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { Gateway, Server } from "#api/istio/gateway.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { bookinfo, destinationRule, gateway, keyed, pod, virtualService } from "#envoy/bookinfo.fixture.ts";
import { buildSnapshot } from "./build.ts";
import { conflictsOf } from "./conflicts.ts";
import type { MeshInput } from "./input.ts";

const old = "2026-01-01T00:00:00Z";
const young = "2026-02-01T00:00:00Z";
const to = (subset?: string) => ({ route: [{ destination: { host: "reviews", ...(subset ? { subset } : {}) } }] });

function found(changes: Partial<MeshInput>): readonly string[] {
  const snapshot = buildSnapshot(undefined, bookinfo(changes), {});
  assert.deepEqual(snapshot.problems, []);
  return conflictsOf(snapshot).map(
    ({ reason, resource, field, message }) => `${reason} ${resource} ${field} ${message}`,
  );
}

function rules(...list: readonly VirtualService[]): readonly string[] {
  return found({ virtualServices: keyed(list) });
}

test("the younger of two rules for a host in the mesh hears of the older", () => {
  const [only = "", ...more] = rules(
    virtualService("young", { hosts: ["reviews"], http: [to()] }, young),
    virtualService("old", { hosts: ["reviews.default.svc.cluster.local"], http: [to()] }, old),
  );
  assert.deepEqual(more, []);
  assert.match(only, /^Conflict VirtualService default\/young spec\.hosts\[0\] .*VirtualService default\/old/);
});

test("rules at a gateway add up, and so do those for different protocols or clients", () => {
  const web = virtualService("web", { hosts: ["reviews"], gateways: ["front"], http: [to()] }, old);
  const mesh = virtualService("mesh", { hosts: ["reviews"], http: [to()] }, young);
  const tcp = virtualService("tcp", { hosts: ["reviews"], tcp: [to()] }, young);
  assert.deepEqual(rules(web, mesh, tcp), []);
  const here = virtualService("here", { hosts: ["ratings"], exportTo: ["."], http: [to()] }, old);
  const there = virtualService("there", { hosts: ["ratings"], exportTo: ["other"], http: [to()] }, young);
  assert.deepEqual(rules(here, there), []);
});

test("a subset that nobody defines is told, with the rule that could", () => {
  const routed = virtualService("routed", {
    hosts: ["reviews"],
    http: [to("v1"), { match: [{ port: 1 }], ...to("v9") }],
  });
  const defined = destinationRule("reviews", { host: "reviews", subsets: [{ name: "v1", labels: { version: "v1" } }] });
  const [only = "", ...more] = found({ virtualServices: keyed([routed]), destinationRules: keyed([defined]) });
  assert.deepEqual(more, []);
  assert.match(only, /^NotFound VirtualService default\/routed spec\.http\[1\]\.route\[0\]\.destination\.subset "v9"/);
  assert.match(only, /DestinationRule default\/reviews/);
  assert.match(rules(routed)[0] ?? "", /no DestinationRule is for reviews\.default\.svc\.cluster\.local/);
});

const selector = { istio: "ingressgateway" };
const server = (protocol: string, others: Partial<Server> = {}): Server => ({
  port: { number: 443, name: protocol.toLowerCase(), protocol },
  hosts: ["a.example"],
  ...others,
});
const opened = { tls: { mode: "SIMPLE", credentialName: "c" } } as const;

test("servers that can't share a port: the younger hears of the older", () => {
  const clash = (one: Server, two: Server, own = selector): readonly string[] =>
    found({
      gateways: keyed([
        gateway("one", { selector, servers: [one] }),
        gateway("two", { selector: own, servers: [two] }),
      ]),
    });
  assert.match(
    clash(server("HTTP"), server("TCP"))[0] ?? "",
    /^Conflict Gateway default\/two spec\.servers\[0\] port 443 has protocol HTTP .* Gateway default\/one/,
  );
  assert.match(clash(server("HTTPS", opened), server("HTTPS", opened))[0] ?? "", /TLS for a\.example on port 443/);
  assert.deepEqual(clash(server("HTTP"), server("HTTP")), []);
  assert.deepEqual(clash(server("HTTPS", opened), server("HTTPS", { ...opened, hosts: ["b.example"] })), []);
  assert.deepEqual(clash(server("HTTP"), server("TCP", { bind: "127.0.0.1" })), []);
});

test("a Gateway that selects nothing is told", () => {
  const [only = ""] = found({
    gateways: keyed([gateway("lost", { selector: { istio: "nobody" }, servers: [server("HTTP")] })]),
  });
  assert.match(only, /^NotFound Gateway default\/lost spec\.selector no Pod has the labels istio=nobody/);
});

test("a Gateway with a port that its Pods may not open is told, unless a Service leads elsewhere", () => {
  const env = [{ name: "ISTIO_META_UNPRIVILEGED_POD", value: "true" }];
  const own = pod("own", "10.0.0.30", { istio: "own" });
  const unprivileged = { ...own, spec: { containers: [{ name: "istio-proxy", env }] } };
  const web = (number: number): Gateway =>
    gateway("web", {
      selector: { istio: "own" },
      servers: [{ ...server("HTTP"), port: { number, name: "h", protocol: "HTTP" } }],
    });
  const told = (number: number, ...pods: readonly Pod[]): readonly string[] =>
    found({ gateways: keyed([web(number)]), pods: keyed(pods) });
  assert.match(
    told(80, unprivileged)[0] ?? "",
    /^NotFound Gateway default\/web spec\.servers\[0\]\.port\.number no Pod .* may open port 80/,
  );
  assert.deepEqual(told(80, own), []);
  assert.deepEqual(told(8080, unprivileged), []);
  const service: Service = {
    metadata: { name: "own", namespace: "default" },
    spec: { selector: { istio: "own" }, ports: [{ port: 80, targetPort: 8080 }] },
  };
  assert.deepEqual(found({ gateways: keyed([web(80)]), pods: keyed([unprivileged]), services: keyed([service]) }), []);
});

test("ServiceEntries that disagree on a port's protocol: the younger hears of the older", () => {
  const entry = (name: string, protocol: string, exportTo: readonly string[] = ["*"]): ServiceEntry => ({
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace: "default" },
    spec: { hosts: ["a.example"], ports: [{ number: 8000, name: "p", protocol }], resolution: "DNS", exportTo },
  });
  const of = (...entries: readonly ServiceEntry[]): readonly string[] => found({ serviceEntries: keyed(entries) });
  assert.match(
    of(entry("a", "HTTP"), entry("b", "TCP"))[0] ?? "",
    /^Conflict ServiceEntry default\/b spec\.ports\[0\]\.protocol .*HTTP.*ServiceEntry default\/a/,
  );
  assert.deepEqual(of(entry("a", "HTTP"), entry("b", "http")), []);
  assert.deepEqual(of(entry("a", "HTTP", ["."]), entry("b", "TCP", ["other"])), []);
});

test("a delegate that isn't there, isn't one, or isn't seen is told", () => {
  const root = virtualService("root", { hosts: ["ratings"], http: [{ delegate: { name: "rest" } }] });
  const rest = (spec: VirtualService["spec"]): VirtualService => virtualService("rest", { http: [to()], ...spec });
  assert.match(
    rules(root)[0] ?? "",
    /^NotFound .*root spec\.http\[0\]\.delegate VirtualService default\/rest isn't there/,
  );
  assert.match(rules(root, rest({ hosts: ["reviews"] }))[0] ?? "", /has hosts/);
  assert.match(rules(root, rest({ exportTo: ["other"] }))[0] ?? "", /isn't exported/);
  assert.deepEqual(rules(root, rest({})), []);
});

test("PeerAuthentications that count for nobody are told", () => {
  const policy = (name: string, created: string, app?: string, namespace = "default"): PeerAuthentication => ({
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name, namespace, creationTimestamp: created },
    spec: { ...(app ? { selector: { matchLabels: { app } } } : {}), mtls: { mode: "STRICT" } },
  });
  const told = found({
    peerAuthentications: keyed([
      policy("all", old),
      policy("again", young),
      policy("reviews", old, "reviews"),
      policy("reviews-too", young, "reviews"),
      policy("ratings", young, "ratings"),
      policy("mesh", old, undefined, "istio-system"),
      policy("some", old, "ratings", "istio-system"),
    ]),
  });
  assert.equal(told.length, 3);
  assert.match(told[0] ?? "", /^NotFound PeerAuthentication istio-system\/some spec\.selector in the root namespace/);
  assert.match(told[1] ?? "", /^Conflict PeerAuthentication default\/again .* default\/all, which is older/);
  assert.match(told[2] ?? "", /^Conflict PeerAuthentication default\/reviews-too .* default\/reviews, which is older/);
});
