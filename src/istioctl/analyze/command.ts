import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import type { Command } from "commander";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { UsageError } from "../usage-error.ts";
import { analyze } from "./analysis.ts";
import { analyzers } from "./analyzers.ts";
import { readCluster, readMeshConfig } from "./cluster-objects.ts";
import { type Format, formatAnalyzers, formatMessages, formats, foundIssues } from "./format.ts";
import { gatherFiles, skippedLine } from "./gather-files.ts";
import { catalogue, type Level, levels } from "./message.ts";
import { overlay } from "./overlay.ts";
import { parseObjects, type Source } from "./parse-objects.ts";
import { parseSuppression, type Suppression } from "./suppression.ts";

// Istio: exit codes of istioctl.
const exitDataError = 65;
const exitFoundIssues = 79;

interface AnalyzeFlags extends ConnectionFlags {
  readonly listAnalyzers?: boolean;
  readonly useKube: string | true;
  readonly color?: string | true;
  readonly verbose?: boolean;
  readonly failureThreshold: Level;
  readonly outputThreshold: Level;
  readonly output: Format;
  readonly meshConfigFile?: string;
  readonly allNamespaces?: boolean;
  readonly suppress: readonly string[];
  readonly recursive?: boolean;
  readonly ignoreUnknown?: boolean;
  readonly revision: string;
}

/** `analyze [FILE…]`: looks for mistakes in the mesh's configuration, the cluster's and that of files. */
export function addAnalyzeCommand(program: Command): void {
  withConnectionFlags(
    program
      .command("analyze [files...]")
      .description("find mistakes in the cluster's configuration, as it would be with the files applied"),
  )
    .option("-L, --list-analyzers", "only list what is looked for")
    .option("-k, --use-kube [flag]", "look at the cluster too; =false: only at the files", "true")
    .option("--color [flag]", "color the levels (default: on a terminal, unless $TERM is dumb)")
    .option("-v, --verbose", "tell which analyzers ran")
    .option("--failure-threshold <level>", `exit with ${exitFoundIssues} from this level on`, parseLevel, "Error")
    .option("--output-threshold <level>", "show messages from this level on", parseLevel, "Info")
    .option("-o, --output <format>", formats.join(", "), parseFormat, "log")
    .option("--meshConfigFile <file>", "mesh config, instead of the cluster's")
    .option("-A, --all-namespaces", "show messages about every namespace")
    .option("-S, --suppress <code=resource>", 'leave out, such as "IST0103=Pod *.testing"; repeatable', append, [])
    .option("-R, --recursive", "folders with all that is in them")
    .option("--ignore-unknown", "don't fail for files that can't be read as Kubernetes objects")
    .option("--revision <name>", "control plane revision whose configuration to look at", "default")
    .action(async (paths: string[], flags: AnalyzeFlags) => {
      if (flags.listAnalyzers) process.stdout.write(formatAnalyzers(analyzers));
      else await run(paths, flags);
    });
}

async function run(paths: readonly string[], flags: AnalyzeFlags): Promise<void> {
  const [useKube, swallowed] = flagValue(flags.useKube);
  const [color, alsoSwallowed] = flagValue(flags.color ?? String(colorByDefault()));
  const suppressions = flags.suppress.map(readSuppression);
  const gathered = gatherFiles([...swallowed, ...alsoSwallowed, ...paths], flags.recursive === true);
  for (const path of gathered.skipped) process.stderr.write(`${skippedLine(path)}\n`);
  const { files } = gathered;
  if (!useKube && files.length === 0)
    throw new UsageError("nothing to analyze: name files, or leave --use-kube=false out to look at the cluster");

  const cluster = useKube ? await askCluster(flags, files.length > 0) : undefined;
  const own = cluster?.namespace ?? flags.namespace ?? "default";
  const namespace = flags.allNamespaces ? undefined : own;
  const target = namespace === undefined ? "all namespaces" : `namespace: ${namespace}`;
  const sources = new Map<KubeObject, Source>();
  let unread = 0;
  for (const { name, text } of files) {
    const { objects, problems } = parseObjects(text, name, own);
    for (const { object, source } of objects) sources.set(object, source);
    for (const problem of problems) process.stderr.write(`Error adding files: ${problem}\n`);
    if (problems.length > 0) unread++;
  }

  const { messages, executed, skipped } = analyze(analyzers, {
    objects: overlay(cluster?.objects ?? [], [...sources.keys()]),
    meshConfig:
      flags.meshConfigFile === undefined ? (cluster?.meshConfig ?? {}) : readMeshConfigFile(flags.meshConfigFile),
    rootNamespace: flags.istioNamespace,
    fromCluster: cluster !== undefined,
    namespace,
    suppressions,
  });
  if (flags.verbose) {
    const list = (title: string, names: readonly { readonly name: string }[]): string =>
      names.length === 0 ? "" : `${title}:\n${names.map(({ name }) => `\t${name}\n`).join("")}`;
    const lists = `${list("Skipped analyzers", skipped)}${list("Executed analyzers", executed)}`;
    process.stderr.write(`Analyzed resources in ${target}\n${lists}\n`);
  }
  const shown = messages.filter(({ level }) => reaches(level, flags.outputThreshold));
  process.stdout.write(formatMessages(shown, { format: flags.output, color, sources }));
  if (shown.length === 0) process.stderr.write(nothingFound(target, files, unread));
  // Istio: with json and yaml the exit code says nothing about what was found.
  if (flags.output !== "log") return;
  if (messages.some(({ level }) => reaches(level, flags.failureThreshold))) {
    process.stderr.write(`Error: ${foundIssues(target)}\n`);
    process.exitCode = exitFoundIssues;
  } else if (unread > 0 && !flags.ignoreUnknown) {
    process.stderr.write("Error: Some files couldn't be parsed.\n");
    process.exitCode = exitDataError;
  }
}

function nothingFound(target: string, files: readonly { readonly name: string }[], unread: number): string {
  if (unread > 0) {
    const what = unread === 1 ? "1 file" : `${unread} files`;
    return `No validation issues found when analyzing ${target} (but ${what} could not be parsed).\n`;
  }
  const analyzed = files.length > 0 ? files.map(({ name }) => name).join("\n") : target;
  return `\u2714 No validation issues found when analyzing ${analyzed}.\n`;
}

interface ClusterState {
  /** The one that the user works in. */
  readonly namespace: string;
  readonly objects: readonly KubeObject[];
  readonly meshConfig: InjectMeshConfig;
}

async function askCluster(flags: AnalyzeFlags, withFiles: boolean): Promise<ClusterState> {
  try {
    const connection = connect(flags);
    const { client, namespace } = connection;
    if (!flags.allNamespaces && !(await client.find(resourceTypes.namespaces, { name: namespace })))
      throw new UsageError(`namespace "${namespace}" not found; see: kubectl get namespaces`);
    const objects = await readCluster(connection, flags.revision);
    return { namespace, objects, meshConfig: await readMeshConfig(connection, flags.revision) };
  } catch (cause) {
    if (!withFiles || !(cause instanceof Error)) throw cause;
    throw new UsageError(`${cause.message}. To look at the files alone: --use-kube=false`, { cause });
  }
}

function readMeshConfigFile(path: string): InjectMeshConfig {
  try {
    return parseMeshConfig(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new UsageError(`--meshConfigFile ${path}: ${(cause as Error).message}`, { cause });
  }
}

function readSuppression(text: string): Suppression {
  const suppression = parseSuppression(text);
  if (!Object.values(catalogue).some(({ code }) => code === suppression.code))
    process.stderr.write(`Warning: --suppress ${text}: no analyzer gives ${suppression.code}, so it has no effect\n`);
  return suppression;
}

/** `--flag`, `--flag=false` or `-f=false`. The parser takes any argument after it for its value: then that is a file. */
function flagValue(value: string | true): readonly [boolean, readonly string[]] {
  if (value === true) return [true, []];
  const text = value.replace(/^=/, "");
  if (text === "true" || text === "false") return [text === "true", []];
  return [true, [value]];
}

function colorByDefault(): boolean {
  return isatty(1) && process.env["TERM"]?.toLowerCase() !== "dumb";
}

function reaches(level: Level, threshold: Level): boolean {
  return levels.indexOf(level) <= levels.indexOf(threshold);
}

function parseLevel(text: string): Level {
  const level = levels.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
  if (level) return level;
  throw new UsageError(`"${text}" is not a level: expected ${levels.join(", ")}`);
}

function parseFormat(text: string): Format {
  const format = formats.find((candidate) => candidate === text.toLowerCase());
  if (format) return format;
  throw new UsageError(`-o ${text}: expected ${formats.join(", ")}`);
}

function append(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
