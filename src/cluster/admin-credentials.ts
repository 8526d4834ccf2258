import { loadKubeConfig } from "#kube/kubeconfig.ts";
import type { ClusterPaths } from "./cluster-paths.ts";
import type { ContextEntry } from "./kubeconfig-file.ts";

/** The administrator's credentials, from the kubeconfig that the daemon has written. Throws when it is incomplete. */
export function adminCredentials(paths: ClusterPaths): Omit<ContextEntry, "name"> {
  const { server, ca, clientCertificate, clientKey } = loadKubeConfig({ path: paths.adminKubeconfig });
  if (!ca || !clientCertificate || !clientKey) throw new Error(`${paths.adminKubeconfig} has no client certificate`);
  return { server, ca, clientCertificate, clientKey };
}
