import { join } from "node:path";
import { clusterPaths, contextName, defaultCluster } from "#cluster/cluster-paths.ts";
import { CommandError } from "#cluster/commands/command-error.ts";
import { createProgress } from "#cluster/commands/progress.ts";
import { up } from "#cluster/commands/up.ts";
import { askDaemon } from "#cluster/control.ts";
import { userKubeconfig } from "#cluster/kubeconfig-file.ts";
import { createKubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { bookinfo, deployBookinfo, gatewayAddress, installMesh, pageAnswers, root } from "./bookinfo.ts";

/*
 * npm run demo: a cluster, the mesh with the demo profile, Bookinfo, and how to go on from there. Everything is applied, so a second
 * run finds it there and changes nothing.
 */

const patience = 120_000;
const progress = createProgress(process.stderr);

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  progress.step(name);
  const result = await work();
  progress.done(Date.now() - started);
  return result;
}

async function main(): Promise<void> {
  await up({ name: defaultCluster, timeout: patience }, progress);
  await installMesh(contextName(defaultCluster));
  const client = createKubeClient(
    createHttpsTransport(loadKubeConfig({ path: userKubeconfig(), context: contextName(defaultCluster) })),
  );
  await step("Bookinfo", () => deployBookinfo(client));
  const address = await step("the product page answers", async () => {
    const gateway = await gatewayAddress(client);
    await pageAnswers(`http://${gateway}/productpage`);
    return gateway;
  });
  const forward = await askDaemon<{ port: number }>(
    clusterPaths(defaultCluster).controlSocket,
    "POST",
    `/forward?${new URLSearchParams({ to: `${address}:80`, wanted: "8080" }).toString()}`,
  );
  process.stdout.write(farewell(address, forward?.port));
}

function farewell(address: string, port: number | undefined): string {
  const local =
    port === undefined
      ? ""
      : `\n  from a browser elsewhere   http://localhost:${port}/productpage  (forward port ${port} of this machine, as ssh -L ${port}:localhost:${port} does)`;
  return `
Bookinfo is ready.

  on this machine            http://${address}/productpage${local}

Put Weft's commands on the PATH (kubectl is your own, 1.27 or later):

  export PATH="${join(root, "bin")}:$PATH"

Four things to try next:

  1. Send everybody to reviews v1, and the stars go:
       kubectl apply -f ${bookinfo}/networking/destination-rule-all.yaml
       kubectl apply -f ${bookinfo}/networking/virtual-service-all-v1.yaml
  2. Let only the user jason see v2 (sign in on the page; any password):
       kubectl apply -f ${bookinfo}/networking/virtual-service-reviews-test-v2.yaml
  3. See what the mesh knows, and how a proxy is configured:
       istioctl proxy-status
       istioctl proxy-config routes deploy/productpage-v1
  4. See who a workload is, and what holds for calls to it:
       istioctl proxy-config secret deploy/productpage-v1
       istioctl x describe pod $(kubectl get pod -l app=productpage -o name | cut -d/ -f2)

weft down removes everything again.
`;
}

try {
  await main();
} catch (error) {
  const said =
    error instanceof CommandError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`demo: ${said}\n`);
  process.exitCode = 1;
}
