import { execInPod } from "#kube/exec.ts";
import type { Connection } from "./connection.ts";
import { resolvePod } from "./resolve-pod.ts";
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
