import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ingress } from "kubernetes-types/networking/v1.d.ts";
import { convertIngresses } from "./ingress.ts";

/** Names of the Ingresses that are served: without a class, and with each way to name ours or another. */
function served(mode: "OFF" | "DEFAULT" | "STRICT"): readonly string[] {
  const annotated = (value: string): Ingress => ({
    metadata: { annotations: { "kubernetes.io/ingress.class": value } },
  });
  const ingresses: Readonly<Record<string, Ingress>> = {
    none: {},
    empty: annotated(""),
    ours: annotated("istio"),
    other: annotated("nginx"),
    class: { spec: { ingressClassName: "istio" } },
    foreign: { spec: { ingressClassName: "nginx" } },
  };
  const named = Object.entries(ingresses).map(
    ([name, one]) => [`a/${name}`, { ...one, metadata: { ...one.metadata, name, namespace: "a" } }] as const,
  );
  const { ingresses: found } = convertIngresses({
    ingresses: new Map(named),
    ingressClasses: new Map([
      ["istio", { spec: { controller: "istio.io/ingress-controller" } }],
      ["nginx", { spec: { controller: "k8s.io/ingress-nginx" } }],
    ]),
    services: new Map(),
    clusterDomain: "cluster.local",
    rootNamespace: "istio-system",
    mode,
    ingressClass: "istio",
    ingressSelector: "",
    ingressService: "istio-ingressgateway",
  });
  return found.map(({ metadata }) => metadata?.name ?? "").sort();
}

test("the mesh says which Ingresses are served", () => {
  assert.deepEqual(served("STRICT"), ["class", "ours"]);
  assert.deepEqual(served("DEFAULT"), ["class", "empty", "none", "ours"]);
  // A class of ours is meant for us whatever the mode.
  assert.deepEqual(served("OFF"), ["class"]);
});
