import { type Proxy, parseProxy } from "#model/proxy.ts";
import { type Item, isGenerated } from "../xds/mesh.ts";

/** What the data says of a proxy. */
export interface ProxyOptions {
  readonly type: "sidecar" | "router";
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ip?: string;
}

export function proxyOf({ type, namespace, labels = {}, ip = "1.1.1.1" }: ProxyOptions): Proxy {
  const proxy = parseProxy({
    id: `${type}~${ip}~app.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, LABELS: labels, INSTANCE_IPS: ip },
  });
  if (typeof proxy === "string") throw new Error(proxy);
  return proxy;
}

/** Kinds that istiod doesn't look at: their Pods tell it what it needs. */
const unwatched: ReadonlySet<string> = new Set(["Deployment"]);

/** Why a mesh of these objects can't be built yet. */
export function skipOf(items: readonly Item[]): string | undefined {
  const kinds = new Set(items.map(({ kind }) => kind).filter((kind) => !unwatched.has(kind)));
  const foreign = [...kinds].filter((kind) => !isGenerated(kind)).sort();
  return foreign.length === 0 ? undefined : `the input has kinds that proxies don't get yet: ${foreign.join(", ")}`;
}
