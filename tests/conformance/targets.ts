import { setTimeout as sleep } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import type { KubernetesGateway, Listener, ListenerSet } from "#api/gateway-api/gateway.ts";
import type { Route } from "#api/gateway-api/route.ts";
import { isSubsetOf } from "#model/host.ts";
import { kubectl } from "./kubectl.ts";
import type { Target } from "./requests.ts";

export interface Item {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

export function itemsOf(manifest: string): readonly Item[] {
  return parseAllDocuments(manifest).flatMap((document) => (document.toJS() as Item | null) ?? []);
}

/** A Gateway with the listeners of its own and of its ListenerSets. */
export interface ReadyGateway {
  readonly gateway: KubernetesGateway;
  readonly address: string;
  readonly listeners: readonly Listener[];
}

const waitMs = 40_000;

/** The Gateways that the routes of a manifest name, directly or by a ListenerSet, once they have an address. */
export async function gatewaysOf(items: readonly Item[]): Promise<readonly ReadyGateway[]> {
  const sets = items.filter(({ kind }) => kind === "ListenerSet") as unknown as readonly ListenerSet[];
  const names = new Set<string>();
  for (const item of items) {
    const { namespace = "default" } = item.metadata;
    if (item.kind === "Gateway") names.add(`${namespace}/${item.metadata.name}`);
    for (const reference of (item as unknown as Route).spec?.parentRefs ?? [])
      if ((reference.kind ?? "Gateway") === "Gateway")
        names.add(`${reference.namespace ?? namespace}/${reference.name}`);
  }
  const found = await Promise.all([...names].map((name) => readyGateway(name, sets)));
  return found.filter((gateway) => gateway !== undefined);
}

/** Undefined for one that isn't there, which some tests mean. */
async function readyGateway(key: string, sets: readonly ListenerSet[]): Promise<ReadyGateway | undefined> {
  const [namespace = "", name = ""] = key.split("/");
  for (const until = Date.now() + waitMs; ; await sleep(200)) {
    const get = ["-n", namespace, "get", "gateways.gateway.networking.k8s.io", name, "-o", "json"];
    const text = await kubectl([...get, "--ignore-not-found"]);
    if (text === "") return undefined;
    const gateway = JSON.parse(text) as KubernetesGateway;
    const address = gateway.status?.addresses?.[0]?.value;
    if (address !== undefined) {
      const attached = sets.filter(({ spec }) => spec.parentRef.name === name);
      const more = attached.flatMap(({ spec }) => spec.listeners ?? []) as readonly Listener[];
      return { gateway, address, listeners: [...(gateway.spec.listeners ?? []), ...more] };
    }
    if (Date.now() > until) return { gateway, address: "", listeners: gateway.spec.listeners ?? [] };
  }
}

/** The listener that a request for `host` goes to: the one with the narrowest hostname that fits. */
export function targetFor({ address, listeners }: ReadyGateway, host: string, rootPem: string): Target {
  const fitting = listeners
    .filter(({ hostname }) => !hostname || isSubsetOf(host, hostname))
    .sort((a, b) => (b.hostname?.length ?? 0) - (a.hostname?.length ?? 0));
  const listener = fitting[0] ?? listeners[0];
  return { address, port: listener?.port ?? 80, isTls: listener?.protocol === "HTTPS", rootPem };
}
