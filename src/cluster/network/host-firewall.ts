import { run } from "./command.ts";

/*
 * A machine whose own firewall drops what it doesn't know (Docker sets FORWARD so, ufw also INPUT) would drop the
 * pods' packets: an accept in our table doesn't overrule a drop in another. There, and only there, the pods' links
 * are let through by rules that carry the cluster's name.
 */

const chains = { FORWARD: ["-i", "-o"], INPUT: ["-i"] } as const;

/** Resolves without doing anything where the policies are to accept, or where iptables can't say. */
export async function openHostFirewall(cluster: string, index: number): Promise<void> {
  for (const [chain, directions] of Object.entries(chains)) {
    const rules = await listed(chain);
    if (!rules.some((rule) => rule === `-P ${chain} DROP`)) continue;
    for (const direction of directions)
      await run("iptables", ["-w", "-I", chain, direction, `wf${index}-+`, ...marked(cluster), "-j", "ACCEPT"]);
  }
}

export async function closeHostFirewall(cluster: string): Promise<void> {
  for (const chain of Object.keys(chains))
    for (const rule of await listed(chain)) {
      const words = rule.split(" ");
      if (words[0] !== "-A" || words[words.indexOf("--comment") + 1] !== `weft-${cluster}`) continue;
      await run("iptables", ["-w", "-D", ...words.slice(1)]);
    }
}

async function listed(chain: string): Promise<readonly string[]> {
  const text = await run("iptables", ["-w", "-S", chain]).catch(() => "");
  return text.split("\n");
}

function marked(cluster: string): readonly string[] {
  return ["-m", "comment", "--comment", `weft-${cluster}`];
}
