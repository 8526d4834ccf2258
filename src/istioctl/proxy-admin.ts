import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { execInPod } from "#kube/exec.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Connection } from "./connection.ts";
import { UsageError } from "./usage-error.ts";

const timeoutMs = 30_000;
/** The config of a proxy in a mesh of thousands of services fits. */
const maxOutputBytes = 256 * 1024 * 1024;

/**
 * Asks the admin interface of a pod's Envoy. `target` is `pod`, `pod.namespace`, or `deployment/name`
 * (Istio: the argument of proxy-config). Throws {@link UsageError} when there is no such proxy.
 */
export async function askProxy(
  connection: Connection,
  target: string,
  method: "GET" | "POST",
  path: string,
): Promise<string> {
  const { namespace, name } = await resolvePod(connection, target);
  const { stdout, stderr, exitCode } = await execInPod(connection.config, {
    namespace,
    pod: name,
    container: "istio-proxy",
    command: ["pilot-agent", "request", method, path],
    timeoutMs,
    maxOutputBytes,
  });
  if (exitCode !== 0)
    throw new UsageError(
      `${namespace}/${name}: Envoy's ${path} isn't to be had: ${stderr.trim() || `exit code ${exitCode}`}`,
    );
  return stdout.toString("utf8");
}

async function resolvePod(connection: Connection, target: string): Promise<{ namespace: string; name: string }> {
  const [kind, rest] = target.includes("/") ? (target.split("/", 2) as [string, string]) : ["pod", target];
  if (/^(pods?|po)$/.test(kind)) return splitName(connection, rest);
  const type = { deployment: "deployments", deployments: "deployments", deploy: "deployments" }[kind];
  if (type === undefined) throw new UsageError(`${target}: expected POD, POD.NAMESPACE or deployment/NAME`);
  const { namespace, name } = await splitName(connection, rest);
  const { items } = await connection.client.list<Pod>(resourceTypes.pods, { namespace });
  const pod = items.find(
    ({ metadata, status }) =>
      status?.phase === "Running" && new RegExp(`^${name}-[a-z0-9]+-[a-z0-9]{5}$`).test(metadata?.name ?? ""),
  );
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
