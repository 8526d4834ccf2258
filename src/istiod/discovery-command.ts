import { createKubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { inClusterConfig, loadKubeConfig } from "#kube/kubeconfig.ts";
import { createLog } from "#log/log.ts";
import { startIstiod } from "./app.ts";
import { readOptions } from "./options.ts";
import { version } from "./version.ts";

/** Runs istiod until SIGTERM or SIGINT. In a pod it uses the pod's service account, elsewhere the user's kubeconfig. */
export async function runDiscovery(args: readonly string[]): Promise<void> {
  const { logLevel, ...options } = readOptions(args, process.env);
  if (logLevel) process.env["WEFT_LOG"] ??= logLevel;
  const log = createLog("istiod");
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { error }));
  const config =
    (options.kubeconfig || options.context ? undefined : inClusterConfig()) ??
    loadKubeConfig({
      ...(options.kubeconfig ? { path: options.kubeconfig } : {}),
      ...(options.context ? { context: options.context } : {}),
    });
  log.info("starting", { version, revision: options.revision, apiServer: config.server });
  const client = createKubeClient(createHttpsTransport(config));
  const istiod = await startIstiod({ client, options, version, log });
  log.info("ready", { ports: istiod.ports, ms: Math.round(performance.now()) });
  const stop = (name: NodeJS.Signals): void => {
    log.info("stopping", { signal: name });
    // Connections that don't end by themselves mustn't keep the process.
    setTimeout(() => process.exit(0), 5_000).unref();
    istiod.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("didn't stop cleanly", { error });
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}
