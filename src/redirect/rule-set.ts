/** One rule: `args` is what follows `-A CHAIN` (or `-I CHAIN POSITION`). */
export interface Rule {
  readonly table: string;
  readonly chain: string;
  /** Given: inserted at this place instead of appended. */
  readonly position?: number;
  readonly args: readonly string[];
}

/** The rules of both IP families, in the order in which they apply. */
export interface RuleSet {
  readonly v4: readonly Rule[];
  readonly v6: readonly Rule[];
}

const builtIn = new Set([
  "ACCEPT",
  "CONNMARK",
  "CT",
  "DROP",
  "FORWARD",
  "INPUT",
  "MARK",
  "OUTPUT",
  "POSTROUTING",
  "PREROUTING",
  "REDIRECT",
  "REJECT",
  "RETURN",
  "TPROXY",
]);

/** The rule as a line of `iptables-restore`, or the tail of an `iptables` command. */
function ruleArgs(rule: Rule): string[] {
  return rule.position === undefined
    ? ["-A", rule.chain, ...rule.args]
    : ["-I", rule.chain, String(rule.position), ...rule.args];
}

/** The chain a rule jumps to, when the jump is its last option. */
function jumpTarget(rule: Rule): string | undefined {
  return rule.args.at(-2) === "-j" ? rule.args.at(-1) : undefined;
}

/** Our own chains, table by table: those with rules first, then those that are only jumped to. */
export function chainsOf(rules: readonly Rule[]): { table: string; chain: string }[] {
  const seen = new Set<string>();
  const chains: { table: string; chain: string }[] = [];
  const add = (table: string, chain: string): void => {
    if (builtIn.has(chain) || seen.has(`${table} ${chain}`)) return;
    seen.add(`${table} ${chain}`);
    chains.push({ table, chain });
  };
  for (const rule of rules) add(rule.table, rule.chain);
  for (const rule of rules) {
    const target = jumpTarget(rule);
    if (target !== undefined) add(rule.table, target);
  }
  return chains;
}

/** Input of `iptables-restore --noflush`; empty without rules. */
export function restoreInput(rules: readonly Rule[]): string {
  const chains = chainsOf(rules);
  const tables = [...new Set(rules.map((rule) => rule.table))].sort();
  return tables
    .map((table) => {
      const lines = [
        `* ${table}`,
        ...chains.filter((item) => item.table === table).map((item) => `-N ${item.chain}`),
        ...rules.filter((rule) => rule.table === table).map((rule) => ruleArgs(rule).join(" ")),
        "COMMIT",
      ];
      return `${lines.join("\n")}\n`;
    })
    .join("");
}

/** Commands that take the rules away again: jumps from built-in chains, then our chains. Each may fail on its own. */
export function cleanupCommands(rules: readonly Rule[]): string[][] {
  const jumps = rules
    .filter((rule) => builtIn.has(rule.chain))
    .map((rule) => ["-t", rule.table, "-D", rule.chain, ...rule.args]);
  const chains = chainsOf(rules);
  return [
    ...jumps.reverse(),
    // all are emptied first: a chain that is still jumped to can't be deleted
    ...chains.map((item) => ["-t", item.table, "-F", item.chain]),
    ...chains.map((item) => ["-t", item.table, "-X", item.chain]),
  ];
}

/** Commands that succeed only when every rule is there. */
export function checkCommands(rules: readonly Rule[]): string[][] {
  return rules.map((rule) => ["-t", rule.table, "-C", rule.chain, ...rule.args]);
}
