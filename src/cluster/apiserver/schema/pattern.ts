import { RE2JS } from "re2js";

const compiled = new Map<string, RE2JS | undefined>();

/** Does `pattern` (Go's RE2 syntax, anywhere in the text) match? A pattern that RE2 refuses matches everything. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!compiled.has(pattern)) {
    // Patterns come from CRDs: there are few, unless somebody plays.
    if (compiled.size > 10_000) compiled.clear();
    compiled.set(pattern, compile(pattern));
  }
  return compiled.get(pattern)?.matcher(text).find() ?? true;
}

function compile(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}
