import type { InjectMeshConfig } from "#inject/mesh.ts";
import type { KubeObject } from "#kube/object.ts";
import type { Analyzer } from "./analyzer.ts";
import { meshOf } from "./mesh.ts";
import { describe, levels, type Message, sentence } from "./message.ts";
import { isSilenced, type Suppression } from "./suppression.ts";

export interface AnalysisInput {
  readonly objects: readonly KubeObject[];
  readonly meshConfig: InjectMeshConfig;
  readonly rootNamespace: string;
  /** False when the objects are all from files. */
  readonly fromCluster: boolean;
  /** The namespace whose messages are wanted; undefined: all. */
  readonly namespace: string | undefined;
  readonly suppressions: readonly Suppression[];
}

export interface AnalysisResult {
  /** The worst first, then by code and object; none twice. */
  readonly messages: readonly Message[];
  readonly executed: readonly Analyzer[];
  readonly skipped: readonly Analyzer[];
}

/**
 * Runs the analyzers that can say something about the objects. Whatever the namespace, all objects are looked at: only the
 * messages are chosen. Those about objects of the whole cluster are always in it, but for namespaces other than the one wanted.
 */
export function analyze(analyzers: readonly Analyzer[], input: AnalysisInput): AnalysisResult {
  const mesh = meshOf(input.objects, input.meshConfig, input.rootNamespace);
  const executed = analyzers.filter(({ needs }) => input.fromCluster || needs === "config");
  const messages = executed
    .flatMap((analyzer) => analyzer.analyze(mesh))
    .filter(
      (message) =>
        isWanted(message, input.namespace) &&
        !isSilenced(message) &&
        !input.suppressions.some(({ matches }) => matches(message)),
    );
  return {
    messages: distinct(messages.sort(compare)),
    executed,
    skipped: analyzers.filter((analyzer) => !executed.includes(analyzer)),
  };
}

function isWanted({ object }: Message, namespace: string | undefined): boolean {
  const own = object.kind === "Namespace" ? object.metadata?.name : object.metadata?.namespace;
  return namespace === undefined || !own || own === namespace;
}

function compare(a: Message, b: Message): number {
  const byLevel = levels.indexOf(a.level) - levels.indexOf(b.level);
  return byLevel || compareText(a.code, b.code) || compareText(orderOf(a), orderOf(b));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By kind, name, then namespace, as Istio orders them. */
function orderOf(message: Message): string {
  const { kind, metadata } = message.object;
  return [kind, metadata?.name, metadata?.namespace ?? "", sentence(message)].join("/");
}

function distinct(messages: readonly Message[]): Message[] {
  const seen = new Set<string>();
  return messages.filter((message) => {
    const text = `${message.code} ${describe(message.object)} ${sentence(message)}`;
    return !seen.has(text) && seen.add(text);
  });
}
