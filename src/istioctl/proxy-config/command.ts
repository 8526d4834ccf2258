import type { Command } from "commander";
import { stringify } from "yaml";
import { type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { askProxy } from "../proxy-admin.ts";
import { resolvePod } from "../resolve-pod.ts";
import { formatTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { type ClusterStatuses, type EndpointFilter, endpointRows, matchingClusters } from "./endpoint-rows.ts";
import { bootstrapOf, clustersOf, listenersOf, routesOf } from "./envoy-dump.ts";
import { protoJson, protoJsonList } from "./proto-json.ts";
import { readDump, readJson } from "./read-dump.ts";
import { type ClusterFilter, clusterRows, listenerRows, matchesCluster, routeRows } from "./rows.ts";
import { meshRoots, secretRows, secretsOf } from "./secrets.ts";

interface DumpFlags extends ConnectionFlags {
  readonly file?: string;
  readonly output: string;
}

type Rows = readonly (readonly string[])[];

/** `proxy-config cluster|listener|route|endpoint|secret|bootstrap|log|all`: what one Envoy runs with, read from that Envoy. */
export function addProxyConfigCommand(program: Command): void {
  const root = program
    .command("proxy-config")
    .alias("pc")
    .description("what one proxy runs with, as the proxy itself says");

  view(root, "cluster", "clusters, c", "where it can send requests to")
    .option("--fqdn <text>", "only services whose name contains this")
    .option("--port <number>", "only this port")
    .option("--subset <name>", "only this subset")
    .option("--direction <name>", "inbound or outbound")
    .action(async (target: string | undefined, flags: DumpFlags & ClusterFilter) => {
      const chosen = clustersOf(await readDump(target, flags)).filter(({ name }) => matchesCluster(name, flags));
      print(flags, protoJsonList("envoy.config.cluster.v3.Cluster", chosen), () => clusterRows(chosen));
    });
  view(root, "listener", "listeners, l", "which ports it listens on, and what happens there")
    .option("--address <ip>", "only this address")
    .option("--port <number>", "only this port")
    .action(async (target: string | undefined, flags: DumpFlags & { address?: string; port?: string }) => {
      const chosen = listenersOf(await readDump(target, flags)).filter(({ address }) => {
        const socket = address?.socket_address;
        return (
          (!flags.address || socket?.address === flags.address) &&
          (!flags.port || String(socket?.port_value) === flags.port)
        );
      });
      print(flags, protoJsonList("envoy.config.listener.v3.Listener", chosen), () => listenerRows(chosen));
    });
  view(root, "route", "routes, r", "its route tables")
    .option("--name <name>", "only this route table")
    .action(async (target: string | undefined, flags: DumpFlags & { name?: string }) => {
      const chosen = routesOf(await readDump(target, flags)).filter(({ name }) => !flags.name || name === flags.name);
      print(flags, protoJsonList("envoy.config.route.v3.RouteConfiguration", chosen), () => routeRows(chosen));
    });
  view(root, "endpoint", "endpoints, ep", "the addresses behind its clusters, and their health")
    .option("--cluster <name>", "only this cluster")
    .option("--address <ip>", "only this address")
    .option("--port <number>", "only this port")
    .option("--status <name>", "healthy, unhealthy …")
    .action(async (target: string | undefined, flags: DumpFlags & EndpointFilter) => {
      const chosen = matchingClusters(await readJson<ClusterStatuses>(target, flags, "clusters?format=json"), flags);
      print(flags, protoJsonList("envoy.admin.v3.ClusterStatus", chosen), () => endpointRows(chosen));
    });
  view(root, "secret", "secrets, s", "its certificates and whom it trusts, and how long they hold").action(
    async (target: string | undefined, flags: DumpFlags) => {
      const dump = await readDump(target, flags);
      print(flags, protoJson("envoy.admin.v3.SecretsConfigDump", secretsOf(dump)), () => secretRows(dump, new Date()));
    },
  );
  withConnectionFlags(
    root.command("rootca-compare <first> <second>").alias("rc").description("whether two proxies can trust each other"),
  ).action(async (first: string, second: string, flags: ConnectionFlags) => {
    const connection = connect(flags);
    const [one, other] = await Promise.all(
      [first, second].map(async (target) => {
        const { namespace, name } = await resolvePod(connection, target);
        const roots = meshRoots(await readDump(target, flags));
        if (roots.length === 0) throw new UsageError(`${namespace}/${name}: the proxy has no secret ROOTCA`);
        return { name: `[${name}.${namespace}]`, prints: new Set(roots.map((root) => root.fingerprint256)) };
      }),
    );
    const both = `Both ${one?.name} and ${other?.name} have the`;
    // Istio: one root that both have is enough.
    if (one?.prints.isDisjointFrom(other?.prints ?? new Set()))
      throw new UsageError(`${both} non identical ROOTCA, theoretically the connectivity between them is unavailable`);
    process.stdout.write(`${both} identical ROOTCA, theoretically the connectivity between them is available\n`);
  });
  view(root, "bootstrap", "b", "what it was started with").action(
    async (target: string | undefined, flags: DumpFlags) => {
      const bootstrap = bootstrapOf(await readDump(target, flags));
      if (!bootstrap) throw new UsageError("the dump holds no bootstrap");
      print(
        { ...flags, output: flags.output === "short" ? "json" : flags.output },
        protoJson("envoy.config.bootstrap.v3.Bootstrap", bootstrap),
        () => [],
      );
    },
  );
  view(root, "all", "a", "everything").action(async (target: string | undefined, flags: DumpFlags) => {
    const dump = await readDump(target, flags);
    if (flags.output !== "short") return print(flags, dump, () => []);
    const [clusters, listeners, routes] = [clustersOf(dump), listenersOf(dump), routesOf(dump)];
    for (const rows of [
      clusterRows(clusters),
      listenerRows(listeners),
      routeRows(routes),
      secretRows(dump, new Date()),
    ]) {
      process.stdout.write(`${formatTable(rows)}\n`);
    }
  });
  withConnectionFlags(root.command("log <target>").description("show or set the proxy's log levels"))
    .option("--level <level>", "a level for all loggers, or logger:level[,…]")
    .option("-r, --reset", "back to warning")
    .action(async (target: string, flags: ConnectionFlags & { level?: string; reset?: boolean }) => {
      const level = flags.reset ? "warning" : flags.level;
      const query =
        level === undefined
          ? ""
          : `?${level.includes(":") ? `paths=${encodeURIComponent(level)}` : `level=${encodeURIComponent(level)}`}`;
      process.stdout.write(await askProxy(connect(flags), target, "POST", `logging${query}`));
    });
}

function view(root: Command, name: string, aliases: string, description: string): Command {
  const command = root
    .command(`${name} [target]`)
    .aliases(aliases.split(", "))
    .description(`${description} (TARGET: POD, POD.NAMESPACE or deployment/NAME)`);
  return withConnectionFlags(command)
    .option("-f, --file <file>", "read a saved config_dump instead of asking a proxy; - is standard input")
    .option("-o, --output <format>", "short, json or yaml", "short");
}

function print(flags: DumpFlags, value: unknown, rows: () => Rows): void {
  if (flags.output === "json") process.stdout.write(`${JSON.stringify(value, null, 4)}\n`);
  else if (flags.output === "yaml") process.stdout.write(stringify(value, { aliasDuplicateObjects: false }));
  else if (flags.output === "short") process.stdout.write(formatTable(rows()));
  else throw new UsageError(`-o ${flags.output}: expected short, json or yaml`);
}
