import { spawnSync } from "node:child_process";
import { applyRules, type Run } from "./apply.ts";
import { type Given, parseFlags } from "./flags.ts";
import { splitRanges } from "./ip-ranges.ts";
import { planText } from "./plan.ts";
import { podUsesIpv6, resolvers } from "./pod-network.ts";
import { type CaptureSettings, defaultSettings, settingsError } from "./settings.ts";

/** `istio-iptables` and `istio-clean-iptables`: returns the exit code. Prints what it does to standard output. */
export async function runIstioIptables(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let given: Given;
  let settings: CaptureSettings;
  try {
    given = parseFlags(args, env);
    settings = completeSettings(given);
  } catch (error) {
    return fail(error);
  }
  const problem = settingsError(settings);
  if (problem !== undefined) return fail(problem);
  for (const cidr of splitRanges(settings.outboundIpRangesInclude).ignored) say(`ignored, not a CIDR: ${cidr}`);
  if (given.options.dryRun) {
    process.stdout.write(planText(settings));
    return 0;
  }
  if (given.options.skipRuleApply) say("no rule applied: --skip-rule-apply leaves that to the CNI plugin");
  else {
    const code = apply(settings, given);
    if (code !== 0) return code;
  }
  if (!given.options.runValidation) return 0;
  // its sockets are wanted here only: istio-init must be quick
  const { captureProblem } = await import("./validate.ts");
  const wrong = await captureProblem(settings);
  if (wrong !== undefined) return fail(wrong);
  say("capture rules work");
  return 0;
}

function apply(settings: CaptureSettings, given: Given): number {
  try {
    const outcome = applyRules(settings, given.options, runner(given.options.networkNamespace));
    say(
      {
        applied: "capture rules applied",
        replaced: "capture rules of an earlier run replaced",
        unchanged: "capture rules already in place, nothing changed",
        cleaned: "capture rules removed",
      }[outcome],
    );
    return 0;
  } catch (error) {
    return fail(error);
  }
}

function completeSettings({ settings, options }: Given): CaptureSettings {
  const merged = { ...defaultSettings, ...settings };
  // Istio: without a group of its own the proxy's group is its user
  const proxyGid = settings.proxyGid ?? merged.proxyUid;
  const enableIpv6 = settings.enableIpv6 ?? podUsesIpv6(options.dualStack);
  const dns = merged.redirectDns && !merged.captureAllDns ? resolvers() : { v4: [], v6: [] };
  return { ...merged, proxyGid, enableIpv6, dnsServersV4: dns.v4, dnsServersV6: dns.v6 };
}

function runner(networkNamespace: string): Run {
  return (program, args, input) => {
    const [file, ...rest] =
      networkNamespace === "" ? [program, ...args] : ["nsenter", `--net=${networkNamespace}`, "--", program, ...args];
    if (input !== undefined) say(`${program} ${args.join(" ")}\n${input.trimEnd()}`);
    const result = spawnSync(file, rest, {
      input: input ?? "",
      encoding: "utf8",
      timeout: 30_000,
      env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
    });
    if (result.error) throw new Error(`${program}: ${result.error.message}; is it installed in this image?`);
    if (result.status !== 0)
      throw new Error(`${program} ${args.join(" ")} failed (exit ${result.status}): ${result.stderr.trim()}`);
    return result.stdout;
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(error: unknown): number {
  process.stderr.write(`istio-iptables: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}

if (import.meta.main) {
  const [name = "", ...rest] = process.argv.slice(2);
  // the program's own name may come first, as in `pilot-agent istio-iptables -p 15001 …`
  const clean = name === "istio-clean-iptables";
  const args = clean || name === "istio-iptables" ? rest : process.argv.slice(2);
  process.exitCode = await runIstioIptables(clean ? [...args, "--cleanup-only"] : args, process.env);
}
