import { captureRules } from "./capture-rules.ts";
import { restoreInput } from "./rule-set.ts";
import type { CaptureSettings } from "./settings.ts";

/** A command, and what it reads from standard input. */
interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** What a run on a pod without rules executes, in order: look, restore both families, show the result. */
function plan(settings: CaptureSettings): Command[] {
  const { v4, v6 } = captureRules(settings);
  const save = { program: "iptables-save", args: [] };
  const save6 = { program: "ip6tables-save", args: [] };
  return [
    save,
    save6,
    { program: "iptables-restore", args: ["--noflush"], input: restoreInput(v4) },
    { program: "ip6tables-restore", args: ["--noflush"], input: restoreInput(v6) },
    save,
    ...(settings.enableIpv6 ? [save6] : []),
  ];
}

/** The plan as a dry run prints it: commands by their text, restores by what they read. */
export function planText(settings: CaptureSettings): string {
  return plan(settings)
    .map((step) => step.input ?? `${[step.program, ...step.args].join(" ")}\n`)
    .join("");
}
