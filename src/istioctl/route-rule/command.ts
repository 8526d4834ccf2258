import type { Command } from "commander";
import { parseAllDocuments, stringify } from "yaml";
import { type Connection, type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { readUserFile } from "../read-file.ts";
import { formatTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { parseRouteRule, type RouteRule } from "./route-rule.ts";
import { listRules, writeRules } from "./store.ts";
import { hostOf, translatedName } from "./translate.ts";

interface FileFlags extends ConnectionFlags {
  readonly file?: string;
}

type Verb = "create" | "replace" | "delete";
const kindNames = new Set(["routerule", "routerules", "route-rule", "route-rules"]);

/** `create`, `replace`, `delete` and `get` of the first API's RouteRule. */
export function addRouteRuleCommands(program: Command): void {
  for (const verb of ["create", "replace"] as const) {
    withConnectionFlags(
      program.command(verb).description(`${verb} RouteRules of the first API (config.istio.io/v1alpha2)`),
    )
      .requiredOption("-f, --file <file>", "YAML file; - is standard input")
      .action(async (flags: FileFlags) => change(verb, connect(flags), readRules(flags.file ?? "-")));
  }
  withConnectionFlags(program.command("delete [kind] [names...]").description("delete RouteRules, by file or by name"))
    .option("-f, --file <file>", "YAML file; - is standard input")
    .action(async (kind: string | undefined, names: readonly string[], flags: FileFlags) => {
      const connection = connect(flags);
      if (flags.file) return change("delete", connection, readRules(flags.file));
      requireKind(kind);
      const existing = await listRules(connection.client, connection.namespace);
      const chosen = names.map(
        (name) => existing.find((rule) => rule.metadata.name === name) ?? notFound(name, connection.namespace),
      );
      return change("delete", connection, chosen);
    });
  withConnectionFlags(program.command("get <kind> [name]").description("print RouteRules"))
    .option("-o, --output <format>", "short or yaml", "short")
    .action(async (kind: string, name: string | undefined, flags: ConnectionFlags & { output: string }) => {
      requireKind(kind);
      const { client, namespace } = connect(flags);
      const rules = (await listRules(client, namespace)).filter((rule) => !name || rule.metadata.name === name);
      if (name && rules.length === 0) notFound(name, namespace);
      process.stdout.write(
        flags.output === "yaml" ? rules.map((rule) => `---\n${stringify(rule)}`).join("") : table(rules, namespace),
      );
    });
}

async function change(
  verb: Verb,
  { client, namespace: fallback }: Connection,
  rules: readonly RouteRule[],
): Promise<void> {
  for (const rule of rules) {
    const namespace = rule.metadata.namespace ?? fallback;
    const existing = await listRules(client, namespace);
    const same = existing.find((other) => other.metadata.name === rule.metadata.name);
    if (verb === "create" && same) {
      throw new UsageError(`RouteRule ${namespace}/${rule.metadata.name} exists already; use istioctl replace`);
    }
    if (verb !== "create" && !same) notFound(rule.metadata.name, namespace);
    const others = existing.filter((other) => other !== same);
    const wanted = verb === "delete" ? others : [...others, rule];
    // A replaced rule may have been for another host: that host's resources change too.
    const touched = new Set([translatedName(rule), ...(same ? [translatedName(same)] : [])]);
    for (const name of touched) await writeRules(client, namespace, name, wanted);
    const done = { create: "Created", replace: "Replaced", delete: "Deleted" }[verb];
    process.stdout.write(`${done} config: route-rule/${namespace}/${rule.metadata.name}\n`);
  }
}

function readRules(file: string): RouteRule[] {
  const text = readUserFile(file);
  const rules: RouteRule[] = [];
  for (const document of parseAllDocuments(text)) {
    if (!("errors" in document)) continue;
    const [error] = document.errors;
    if (error) throw new UsageError(`${file}: ${error.message}`);
    const value: unknown = document.toJS();
    if (value !== null) rules.push(parseRouteRule(value, file));
  }
  if (rules.length === 0) throw new UsageError(`${file}: holds no RouteRule`);
  return rules;
}

function requireKind(kind: string | undefined): void {
  if (!kind || !kindNames.has(kind)) {
    throw new UsageError(`${kind ?? "nothing"}: only routerules are handled here; use kubectl for today's resources`);
  }
}

function notFound(name: string, namespace: string): never {
  throw new UsageError(`RouteRule ${namespace}/${name} isn't there; see istioctl get routerules -n ${namespace}`);
}

function table(rules: readonly RouteRule[], namespace: string): string {
  if (rules.length === 0) return `No route rules in namespace ${namespace}\n`;
  const rows = [
    ["NAME", "DESTINATION", "PRECEDENCE"],
    ...rules.map((rule) => [rule.metadata.name, hostOf(rule.spec.destination), String(rule.spec.precedence ?? 0)]),
  ];
  return formatTable(rows);
}
