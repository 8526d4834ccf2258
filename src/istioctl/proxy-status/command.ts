import type { Command } from "commander";
import { type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { askIstiods } from "../control-plane.ts";
import { resolvePod } from "../resolve-pod.ts";
import { formatTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { parseStatuses, rejections, statusRows } from "./status.ts";

interface StatusFlags extends ConnectionFlags {
  readonly revision?: string;
  readonly output: string;
}

/** `proxy-status [TARGET]`: which proxies are connected, and whether each took what it was sent. */
export function addProxyStatusCommand(program: Command): void {
  withConnectionFlags(
    program
      .command("proxy-status [target]")
      .alias("ps")
      .description("whether every proxy has taken its config (TARGET: POD, POD.NAMESPACE or deployment/NAME)"),
  )
    .option("-r, --revision <name>", "only proxies of this control plane revision")
    .option("-o, --output <format>", "table or json", "table")
    .action(async (target: string | undefined, flags: StatusFlags) => {
      const connection = connect(flags);
      const answers = await askIstiods(connection, "/debug/syncz", flags.revision);
      let statuses = answers.flatMap(({ pod, body }) => parseStatuses(body, pod));
      if (target !== undefined) {
        const { namespace, name } = await resolvePod(connection, target);
        statuses = statuses.filter(({ proxy }) => proxy === `${name}.${namespace}`);
        if (statuses.length === 0)
          throw new UsageError(
            `${name}.${namespace} isn't connected to istiod; see: kubectl logs -n ${namespace} ${name} -c istio-proxy`,
          );
      } else if (flags.namespace !== undefined) {
        statuses = statuses.filter(({ proxy }) => proxy.endsWith(`.${flags.namespace}`));
      }
      if (flags.output === "json") process.stdout.write(`${JSON.stringify(statuses, null, 2)}\n`);
      else if (flags.output === "table") {
        process.stdout.write(formatTable(statusRows(statuses)));
        for (const line of rejections(statuses)) process.stdout.write(`\n${line}\n`);
      } else throw new UsageError(`-o ${flags.output}: expected table or json`);
    });
}
