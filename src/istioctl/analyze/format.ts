import { stringify } from "yaml";
import type { KubeObject } from "#kube/object.ts";
import { describe, type Level, type Message, sentence } from "./message.ts";
import type { Source } from "./parse-objects.ts";

export const formats = ["log", "json", "yaml"] as const;

export type Format = (typeof formats)[number];

const documentation = "https://istio.io/latest/docs/reference/config/analysis";

const colors: Readonly<Record<Level, string>> = { Error: "\u001b[1;31m", Warning: "\u001b[33m", Info: "" };

interface FormatOptions {
  readonly format: Format;
  readonly color: boolean;
  /** Where objects come from; those that aren't in it are the cluster's. */
  readonly sources: ReadonlyMap<KubeObject, Source>;
}

/** The messages as text, with a newline at the end; as `log` a line each. (Istio: --output of analyze.) */
export function formatMessages(messages: readonly Message[], { format, color, sources }: FormatOptions): string {
  if (format === "log") return messages.map((message) => `${logLine(message, color, sources)}\n`).join("");
  const records = messages.map((message) => {
    const reference = referenceOf(message, sources);
    return {
      code: message.code,
      documentationUrl: `${documentation}/${message.code.toLowerCase()}/`,
      level: message.level,
      message: sentence(message),
      origin: describe(message.object),
      ...(reference === undefined ? {} : { reference }),
    };
  });
  return format === "json" ? `${JSON.stringify(records, null, "\t")}\n` : stringify(records, { lineWidth: 0 });
}

/** `Error [IST0101] (VirtualService default/reviews a.yaml:17) spec.gateways[0]: …` */
function logLine(message: Message, color: boolean, sources: ReadonlyMap<KubeObject, Source>): string {
  const level = color ? `${colors[message.level]}${message.level}\u001b[0m` : message.level;
  const origin = [describe(message.object), referenceOf(message, sources)].filter((part) => part !== undefined);
  return `${level} [${message.code}] (${origin.join(" ")}) ${sentence(message)}`;
}

function referenceOf({ object, field }: Message, sources: ReadonlyMap<KubeObject, Source>): string | undefined {
  const source = sources.get(object);
  return source && `${source.file}:${source.lineOf(field)}`;
}

/** The end of a run that found something, as an error. */
export function foundIssues(target: string): string {
  return `Analyzers found issues when analyzing ${target}.\nSee ${documentation} for more information about causes and resolutions.`;
}

/** The analyzers for `--list-analyzers`. */
export function formatAnalyzers(analyzers: readonly { readonly name: string; readonly description: string }[]): string {
  return analyzers.map(({ name, description }) => `* ${name}:\n    ${description}\n`).join("");
}
