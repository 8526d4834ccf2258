import type { Command } from "commander";
import { type ConnectionFlags, withConnectionFlags } from "../../connection.ts";
import { readDump } from "../../proxy-config/read-dump.ts";
import { formatTable } from "../../table.ts";
import { authorizationRows } from "./rows.ts";

interface CheckFlags extends ConnectionFlags {
  readonly file?: string;
}

/** `x authz check`: the AuthorizationPolicies that one Envoy enforces, read from that Envoy. */
export function addAuthzCommand(experimental: Command): void {
  const root = experimental.command("authz").description("AuthorizationPolicies as proxies have them");
  withConnectionFlags(
    root
      .command("check [target]")
      .description("the AuthorizationPolicies that a proxy enforces (TARGET: POD, POD.NAMESPACE or deployment/NAME)"),
  )
    .option("-f, --file <file>", "read a saved config_dump instead of asking a proxy; - is standard input")
    .action(async (target: string | undefined, flags: CheckFlags) => {
      process.stdout.write(formatTable(authorizationRows(await readDump(target, flags))));
    });
}
