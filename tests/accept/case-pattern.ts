/**
 * What a user types for the names of cases, as in a shell: `*` any text, `?` one character, `[013]` one of these, `[!0]` any
 * other. A pattern that names a scenario also means the cases in it. Throws SyntaxError for a range such as `[9-0]`.
 */
export function casePattern(pattern: string): RegExp {
  const source = pattern.replace(/\[([!^]?)([^\]]+)\]|[.*+?^${}()|[\]\\]/g, (part, not: string, set?: string) => {
    if (set !== undefined) return `[${not && "^"}${set.replace(/[\\^[]/g, "\\$&")}]`;
    if (part === "*") return ".*";
    return part === "?" ? "." : `\\${part}`;
  });
  return new RegExp(`^${source}(/.*)?$`, "s");
}
