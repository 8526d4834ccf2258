import { captureRules } from "./capture-rules.ts";
import type { RunOptions } from "./flags.ts";
import { checkCommands, cleanupCommands, type Rule, restoreInput } from "./rule-set.ts";
import { hasResidue, parseSaved, sameShape } from "./saved-state.ts";
import type { CaptureSettings } from "./settings.ts";

/** Runs a program; throws an Error with its standard error when it fails. Returns its output. */
export type Run = (program: string, args: readonly string[], input?: string) => string;

/** What an apply did. */
export type Outcome = "applied" | "unchanged" | "replaced" | "cleaned";

interface Family {
  readonly program: "iptables" | "ip6tables";
  readonly rules: readonly Rule[];
}

/**
 * Brings the capture rules into the network namespace that `run` works in. A second run with the same settings changes
 * nothing; rules of an earlier run that differ are taken away first when `reconcile` is set, and refused otherwise:
 * rules added on top of others would capture something nobody asked for.
 */
export function applyRules(settings: CaptureSettings, options: RunOptions, run: Run): Outcome {
  const { v4, v6 } = captureRules(settings);
  const families: Family[] = [
    { program: "iptables", rules: v4 },
    { program: "ip6tables", rules: v6 },
  ];
  const suffix = options.forceIptablesBinary === "" ? "" : `-${options.forceIptablesBinary}`;
  const command = (family: Family, tool: "" | "-save" | "-restore"): string => `${family.program}${suffix}${tool}`;
  const states = families.map((family) => ({ family, state: parseSaved(savedRules(family, command, run)) }));
  const residue = states.some(({ state }) => hasResidue(state));
  const equal = states.every(({ family, state }) => sameShape(state, family.rules) && allPresent(family));

  if (options.cleanupOnly) {
    for (const family of families) cleanUp(family);
    tproxyRoutes(settings, run, "del");
    return "cleaned";
  }
  if (equal && !options.forceApply) return "unchanged";
  if (residue) {
    if (!options.reconcile && !options.forceApply)
      throw new Error(
        "other capture rules (chains named ISTIO_*) are already in this network namespace; " +
          "run istio-clean-iptables first, or pass --reconcile to replace them",
      );
    for (const { family, state } of states) removeAll(family, [...state.keys()], state);
  }
  if (settings.enableIpv6) ignoreExisting(() => run("ip", ["-6", "addr", "add", "::6/128", "dev", "lo"]));
  if (settings.inboundInterceptionMode === "TPROXY") tproxyRoutes(settings, run, "add");
  for (const family of families)
    if (family.rules.length > 0) run(command(family, "-restore"), ["--noflush"], restoreInput(family.rules));
  return residue ? "replaced" : "applied";

  function allPresent(family: Family): boolean {
    return checkCommands(family.rules).every((args) => succeeds(() => run(command(family, ""), args)));
  }
  function cleanUp(family: Family): void {
    for (const args of cleanupCommands(family.rules)) succeeds(() => run(command(family, ""), args));
  }
  // what an earlier run left may come from other settings: its own chains and jumps say what to remove
  function removeAll(family: Family, keys: readonly string[], state: ReadonlyMap<string, readonly string[]>): void {
    cleanUp(family);
    const tool = command(family, "");
    for (const [key, rules] of state)
      for (const rule of rules)
        if (!key.includes(" ISTIO_") && rule.includes("-j ISTIO_"))
          succeeds(() => run(tool, ["-t", key.split(" ")[0] ?? "", "-D", ...rule.split(" ").slice(1)]));
    const chains = keys.filter((key) => key.includes(" ISTIO_")).map((key) => key.split(" "));
    for (const option of ["-F", "-X"])
      for (const [table = "", chain = ""] of chains) succeeds(() => run(tool, ["-t", table, option, chain]));
  }
}

function savedRules(family: Family, command: (family: Family, tool: "-save") => string, run: Run): string {
  try {
    return run(command(family, "-save"), []);
  } catch (error) {
    // a kernel without IPv6 has nothing to save and nothing to restore
    if (family.rules.length === 0) return "";
    throw error;
  }
}

/** Marked packets are delivered locally: the policy routing that TPROXY needs. */
function tproxyRoutes(settings: CaptureSettings, run: Run, verb: "add" | "del"): void {
  const table = settings.inboundTproxyRouteTable;
  for (const family of settings.enableIpv6 ? ["-4", "-6"] : ["-4"]) {
    const steps = [
      [family, "rule", verb, "fwmark", settings.inboundTproxyMark, "lookup", table],
      [family, "route", verb, "local", "default", "dev", "lo", "table", table],
    ];
    for (const args of steps)
      if (verb === "del") succeeds(() => run("ip", args));
      else ignoreExisting(() => run("ip", args));
  }
}

function ignoreExisting(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!/file exists|already assigned/i.test(String(error))) throw error;
  }
}

function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
