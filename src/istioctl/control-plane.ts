import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { execInPod } from "#kube/exec.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Connection } from "./connection.ts";
import { UsageError } from "./usage-error.ts";

const timeoutMs = 30_000;
const maxOutputBytes = 256 * 1024 * 1024;

/** What one istiod pod answered. */
export interface IstiodAnswer {
  readonly pod: string;
  readonly body: string;
}

/**
 * Asks every running istiod for a page of its debug interface, such as `/debug/syncz`: each knows only its own proxies.
 * One that doesn't answer (it may be starting) is warned of. Throws {@link UsageError} when none does.
 */
export async function askIstiods(connection: Connection, path: string, revision?: string): Promise<IstiodAnswer[]> {
  const namespace = connection.istioNamespace;
  const { items } = await connection.client.list<Pod>(resourceTypes.pods, {
    namespace,
    labelSelector: `app=istiod${revision ? `,istio.io/rev=${revision}` : ""}`,
  });
  const pods = items.flatMap(({ metadata, status }) =>
    metadata?.name && status?.phase === "Running" && !metadata.deletionTimestamp ? [metadata.name] : [],
  );
  if (pods.length === 0)
    throw new UsageError(
      `no istiod is running in namespace ${namespace}${revision ? ` for revision ${revision}` : ""}; see: kubectl get pods -n ${namespace}`,
    );
  const answers = await Promise.allSettled(pods.map(async (pod) => ({ pod, body: await ask(connection, pod, path) })));
  const [firstFailure, ...moreFailures] = answers.filter((answer) => answer.status === "rejected");
  const answered = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  if (firstFailure && answered.length === 0) throw firstFailure.reason;
  for (const failure of firstFailure ? [firstFailure, ...moreFailures] : [])
    process.stderr.write(`Warning: ${(failure.reason as Error).message}\n`);
  return answered;
}

async function ask(connection: Connection, pod: string, path: string): Promise<string> {
  const namespace = connection.istioNamespace;
  const { stdout, stderr, exitCode } = await execInPod(connection.config, {
    namespace,
    pod,
    container: "discovery",
    command: ["pilot-discovery", "request", "GET", path],
    timeoutMs,
    maxOutputBytes,
  });
  if (exitCode !== 0)
    throw new UsageError(`${namespace}/${pod} didn't answer ${path}: ${stderr.trim() || `exit code ${exitCode}`}`);
  return stdout.toString("utf8");
}
