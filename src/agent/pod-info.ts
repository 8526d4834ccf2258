import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Labels and annotations of the pod, from the downward API's files. */
export interface PodInfo {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Reads the files `labels` and `annotations`; what isn't there is empty. */
export function readPodInfo(dir: string): PodInfo {
  return { labels: readEntries(join(dir, "labels")), annotations: readEntries(join(dir, "annotations")) };
}

function readEntries(path: string): Record<string, string> {
  try {
    return parseDownwardEntries(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}

/** Lines `key="value"`, the value quoted as Go does it (strconv.Quote). */
export function parseDownwardEntries(text: string): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) entries[line.slice(0, at)] = unquote(line.slice(at + 1));
  }
  return entries;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"')) return text;
  return text
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gi, (_, x, u, long, char: string) => {
      const code = (x ?? u ?? long) as string | undefined;
      return code === undefined ? (escapes[char] ?? char) : String.fromCodePoint(Number.parseInt(code, 16));
    });
}
