import { access, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { casePattern } from "./case-pattern.ts";
import type { AcceptCase, AcceptSuite } from "./suite.ts";

/*
 * npm run test:accept [-- -v] [FOLDER…]: runs the acceptance data. A FOLDER may be narrowed by a pattern for the case's
 * name, as in `xds/0[1-3]*`. The data is where the environment's ACCEPT says, by default in ../shared/accept.
 */

const here = import.meta.dirname;
const accept = resolve(process.env["ACCEPT"] ?? join(here, "..", "..", "..", "shared", "accept"));

interface Outcome {
  readonly folder: string;
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly why: string }[];
  /** Reason → how many cases. */
  readonly skipped: ReadonlyMap<string, number>;
}

interface Selection {
  readonly folder: string;
  /** Undefined: all cases. */
  readonly pattern?: string;
}

async function main(args: readonly string[]): Promise<number> {
  const verbose = args.includes("-v") || args.includes("--verbose");
  if (!(await exists(accept))) {
    process.stderr.write(`the acceptance data isn't in ${accept}: set ACCEPT to the folder that has its INDEX.md\n`);
    return 2;
  }
  const selections = await select(args.filter((arg) => !arg.startsWith("-")));
  const outcomes: Outcome[] = [];
  for (const selection of selections) {
    const outcome = await runFolder(selection);
    outcomes.push(outcome);
    print(outcome, verbose);
  }
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const failed = sum((outcome) => outcome.failed.length);
  process.stdout.write(`total: ${sum(({ passed }) => passed)} passed, ${failed} failed, ${sum(skips)} skipped\n`);
  return failed === 0 ? 0 : 1;
}

/** Every folder that has a suite, unless the user named some. */
async function select(names: readonly string[]): Promise<readonly Selection[]> {
  const suites = (await readdir(here))
    .filter((file) => file.endsWith(".ts") && !["run.ts", "suite.ts"].includes(file) && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -".ts".length));
  const present = await Promise.all(
    suites.map(async (folder) => ((await exists(join(accept, folder))) ? [folder] : [])),
  );
  const runnable = present.flat().sort();
  if (names.length === 0) return runnable.map((folder) => ({ folder }));
  return names.map((name) => {
    const [folder = "", ...rest] = name.split("/");
    if (!runnable.includes(folder))
      throw new Error(`no suite for "${folder}"; there are ${runnable.join(", ") || "none"}`);
    return rest.length === 0 || rest.join("/") === "" ? { folder } : { folder, pattern: rest.join("/") };
  });
}

async function runFolder({ folder, pattern }: Selection): Promise<Outcome> {
  const module = (await import(`./${folder}.ts`)) as { default: AcceptSuite };
  const all = await module.default(join(accept, folder));
  const wanted = casePattern(pattern ?? "*");
  const cases = all.filter(({ name }) => wanted.test(name));
  if (cases.length === 0) {
    const some = all.slice(0, 5).map(({ name }) => `${folder}/${name}`);
    throw new Error(`${folder}/${pattern ?? ""}: no case is called so; there are ${some.join(", ")} … (${all.length})`);
  }
  const skipped = new Map<string, number>();
  const failed: { name: string; why: string }[] = [];
  let passed = 0;
  for (const one of cases) {
    if (one.skip !== undefined) {
      skipped.set(one.skip, (skipped.get(one.skip) ?? 0) + 1);
      continue;
    }
    const why = await failureOf(one);
    if (why === undefined) passed++;
    else failed.push({ name: one.name, why });
  }
  return { folder: pattern === undefined ? folder : `${folder}/${pattern}`, passed, failed, skipped };
}

async function failureOf({ run }: AcceptCase): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  }
}

function print(outcome: Outcome, verbose: boolean): void {
  const { folder, passed, failed } = outcome;
  const lines = [`${folder}: ${passed} passed, ${failed.length} failed, ${skips(outcome)} skipped`];
  for (const { name, why } of failed) {
    const reason = verbose
      ? `\n${why.replace(/^/gm, "      ")}`
      : `: ${(why.split("\n").find((line) => line.trim() !== "") ?? "").slice(0, 160)}`;
    lines.push(`  failed   ${name}${reason}`);
  }
  for (const [reason, count] of outcome.skipped) lines.push(`  skipped  ${count} × ${reason}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function skips({ skipped }: Outcome): number {
  return [...skipped.values()].reduce((sum, count) => sum + count, 0);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
