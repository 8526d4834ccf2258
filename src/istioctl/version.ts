import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { type ConnectionFlags, connect, withConnectionFlags } from "./connection.ts";

const packageFile = new URL("../../package.json", import.meta.url);

function clientVersion(): string {
  return (JSON.parse(readFileSync(packageFile, "utf8")) as { version: string }).version;
}

export function addVersionCommand(program: Command): void {
  withConnectionFlags(
    program.command("version").description("versions of this program, the control plane and the proxies"),
  )
    .option("--remote [flag]", "also ask the cluster", "true")
    .option("-s, --short", "one line each (the default)")
    .option("-o, --output <format>", "json")
    .action(async (flags: ConnectionFlags & { remote: string | boolean; output?: string }) => {
      const client = clientVersion();
      const remote = String(flags.remote) === "false" ? undefined : await remoteVersions(flags);
      if (flags.output === "json") {
        process.stdout.write(`${JSON.stringify({ clientVersion: { version: client }, ...remote }, null, 2)}\n`);
        return;
      }
      process.stdout.write(`client version: ${client}\n`);
      if (remote === undefined) return;
      const lines =
        remote.controlPlane.length > 0
          ? remote.controlPlane.join(", ")
          : "none running; install one with istioctl install";
      process.stdout.write(`control plane version: ${lines}\n`);
      const proxies = [...remote.dataPlane].map(([version, count]) => `${version} (${count} proxies)`);
      process.stdout.write(`data plane version: ${proxies.join(", ") || "none"}\n`);
    });
}

interface RemoteVersions {
  /** One entry for each different version. */
  readonly controlPlane: readonly string[];
  /** Version → number of proxies. */
  readonly dataPlane: ReadonlyMap<string, number>;
}

/** What the tags of the running images say; undefined (with a line on standard error) when no cluster answers. */
async function remoteVersions(flags: ConnectionFlags): Promise<RemoteVersions | undefined> {
  try {
    const { client, istioNamespace } = connect(flags);
    const control = await client.list<Pod>(resourceTypes.pods, {
      namespace: istioNamespace,
      labelSelector: "app=istiod",
    });
    const all = await client.list<Pod>(resourceTypes.pods);
    const dataPlane = new Map<string, number>();
    for (const version of all.items.flatMap((pod) => tagsOf(pod, "istio-proxy"))) {
      dataPlane.set(version, (dataPlane.get(version) ?? 0) + 1);
    }
    return { controlPlane: [...new Set(control.items.flatMap((pod) => tagsOf(pod, "discovery")))], dataPlane };
  } catch (error) {
    process.stderr.write(`no cluster was asked: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function tagsOf(pod: Pod, container: string): string[] {
  if (pod.status?.phase !== "Running") return [];
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
    .filter(({ name }) => name === container)
    .map(({ image = "" }) => /:([^:/]+)$/.exec(image)?.[1] ?? "latest");
}
