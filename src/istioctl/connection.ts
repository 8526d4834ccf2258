import type { Command } from "commander";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { type KubeConfig, loadKubeConfig } from "#kube/kubeconfig.ts";
import { UsageError } from "./usage-error.ts";

/** The flags that every command which talks to a cluster has (Istio: global flags). */
export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly istioNamespace: string;
}

export interface Connection {
  readonly client: KubeClient;
  readonly config: KubeConfig;
  /** `-n`, else the context's own namespace. */
  readonly namespace: string;
  readonly istioNamespace: string;
}

export function withConnectionFlags(command: Command): Command {
  return command
    .option("-c, --kubeconfig <file>", "kubeconfig file (default: $KUBECONFIG or ~/.kube/config)")
    .option("--context <name>", "context of the kubeconfig to use")
    .option("-n, --namespace <name>", "namespace to work in (default: the context's)")
    .option("-i, --istioNamespace <name>", "namespace of the control plane", "istio-system");
}

/** Reads the kubeconfig; nothing is sent yet. Throws {@link UsageError} when there is none that works. */
export function connect(flags: ConnectionFlags): Connection {
  let config: KubeConfig;
  try {
    config = loadKubeConfig({
      ...(flags.kubeconfig ? { path: flags.kubeconfig } : {}),
      ...(flags.context ? { context: flags.context } : {}),
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`no cluster to talk to: ${why}. Start one with: weft up`, { cause });
  }
  return {
    client: createKubeClient(createHttpsTransport(config)),
    config,
    namespace: flags.namespace ?? config.namespace,
    istioNamespace: flags.istioNamespace,
  };
}
