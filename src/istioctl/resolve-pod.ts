import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Connection } from "./connection.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The pod that a user means by `pod`, `pod.namespace`, or `deployment/name`: then one of its running pods. Throws
 * {@link UsageError} when there is none. (Istio: the argument of proxy-config.)
 */
export async function resolvePod(connection: Connection, target: string): Promise<{ namespace: string; name: string }> {
  const [kind, rest] = target.includes("/") ? (target.split("/", 2) as [string, string]) : ["pod", target];
  if (/^(pods?|po)$/.test(kind)) return splitName(connection, rest);
  const type = { deployment: "deployments", deployments: "deployments", deploy: "deployments" }[kind];
  if (type === undefined) throw new UsageError(`${target}: expected POD, POD.NAMESPACE or deployment/NAME`);
  const { namespace, name } = await splitName(connection, rest);
  const { items } = await connection.client.list<Pod>(resourceTypes.pods, { namespace });
  const running = items.filter(
    ({ metadata, status }) =>
      status?.phase === "Running" && new RegExp(`^${name}-[a-z0-9]+-[a-z0-9]{5}$`).test(metadata?.name ?? ""),
  );
  // One that is on its way out may be gone before it is asked.
  const pod = running.find(({ metadata }) => !metadata?.deletionTimestamp) ?? running[0];
  if (!pod?.metadata?.name) throw new UsageError(`${target}: has no running pod in namespace ${namespace}`);
  return { namespace, name: pod.metadata.name };
}

async function splitName(connection: Connection, text: string): Promise<{ namespace: string; name: string }> {
  const dot = text.lastIndexOf(".");
  // A pod's name may hold dots itself: what is there decides.
  if (dot > 0 && !(await connection.client.find(resourceTypes.pods, { namespace: connection.namespace, name: text }))) {
    return { name: text.slice(0, dot), namespace: text.slice(dot + 1) };
  }
  return { name: text, namespace: connection.namespace };
}
