import { clusterPaths } from "../cluster-paths.ts";
import { askDaemon } from "../control.ts";
import { CommandError } from "./command-error.ts";

/** A process of the pod, by the host's process ids: for `nsenter -t PID -n`. */
export async function podPid(cluster: string, namespace: string, pod: string): Promise<number> {
  const query = new URLSearchParams({ namespace, pod });
  const answer = await askDaemon<{ pid?: number }>(
    clusterPaths(cluster).controlSocket,
    "GET",
    `/pid?${query.toString()}`,
  );
  if (answer === undefined)
    throw new CommandError(`cluster "${cluster}" isn't running\n    → weft up --name ${cluster}`);
  if (answer.pid === undefined)
    throw new CommandError(
      `pod ${namespace}/${pod} has no running process\n    → kubectl get pod -n ${namespace} ${pod}`,
    );
  return answer.pid;
}
