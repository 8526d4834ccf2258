import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { withoutNulls } from "#config/without-nulls.ts";
import type { KubeObject } from "#kube/object.ts";
import { describe } from "./message.ts";
import { groupOf, structureErrors } from "./shapes.ts";

/** Where an object was written. */
export interface Source {
  readonly file: string;
  /** Line (from 1) of a JSON path such as `spec.http[0]`, or of the nearest thing around it; without one, of the name. */
  readonly lineOf: (field: string | undefined) => number;
}

export interface ParsedObjects {
  readonly objects: readonly { readonly object: KubeObject; readonly source: Source }[];
  /** What couldn't be read, each with its place: `a.yaml:3:5: …`. */
  readonly problems: readonly string[];
}

const clusterScoped: ReadonlySet<string> = new Set([
  "Namespace",
  "Node",
  "GatewayClass",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
]);

/**
 * The Kubernetes objects in a YAML or JSON text, lists taken apart. A document that is wrong becomes a problem; the others are
 * still read. Objects that name no namespace get `namespace`, if there is one.
 */
export function parseObjects(text: string, file: string, namespace?: string): ParsedObjects {
  const lines = new LineCounter();
  const objects: { object: KubeObject; source: Source }[] = [];
  const problems: string[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  for (const document of "empty" in documents ? [] : documents) {
    const place = (offset: number): string => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line}:${col}`;
    };
    const [error] = document.errors;
    if (error) {
      problems.push(`${place(error.pos[0])}: not YAML: ${error.message}`);
      continue;
    }
    const value = valueOf(document);
    if (value instanceof Error) problems.push(`${place(document.range[0])}: ${value.message}`);
    else if (value !== null) {
      for (const { content, path } of listItems(value)) {
        const node = document.contents === null ? null : nearest(document.contents, path);
        const offset = node?.range?.[0] ?? document.range[0];
        const object = asObject(content, namespace);
        if (typeof object === "string") problems.push(`${place(offset)}: ${object}`);
        else {
          const lineOf = (field: string | undefined): number => {
            const found = node && nearest(node, field === undefined ? ["metadata", "name"] : tokens(field));
            return lines.linePos(found?.range?.[0] ?? offset).line;
          };
          objects.push({ object, source: { file, lineOf } });
        }
      }
    }
  }
  return { objects, problems };
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that unfold to more than the parser allows.
    return error instanceof Error ? error : new Error(String(error));
  }
}

interface Item {
  readonly content: unknown;
  readonly path: readonly string[];
}

/** The items of a `kind: List`; anything else by itself. */
function listItems(value: unknown): readonly Item[] {
  if (typeof value !== "object" || value === null) return [{ content: value, path: [] }];
  const { kind, items } = value as { readonly kind?: unknown; readonly items?: unknown };
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items))
    return [{ content: value, path: [] }];
  return items.map((content: unknown, index) => ({ content, path: ["items", String(index)] }));
}

/** The value as an object, or what is wrong with it. */
function asObject(value: unknown, namespace: string | undefined): KubeObject | string {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "not a Kubernetes object: expected a map with apiVersion, kind and metadata";
  const clean = withoutNulls(value as Record<string, unknown>);
  const { apiVersion, kind, metadata } = clean as { apiVersion?: unknown; kind?: unknown; metadata?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string")
    return "not a Kubernetes object: apiVersion and kind must be set";
  const name: unknown = typeof metadata === "object" ? (metadata as { readonly name?: unknown }).name : undefined;
  // Settings for istioctl install may stand in the same folder; they aren't for the cluster.
  if (typeof name !== "string" && kind !== "IstioOperator") return `${kind}: metadata.name must be set`;
  const object = clean as KubeObject;
  // Those of Istio's kinds are told by the analyzers of their schemas.
  const [wrong] = groupOf(object).endsWith("istio.io") ? [] : structureErrors(object);
  if (wrong) return `${describe(object)}: ${wrong.field}: ${wrong.message}`;
  if (namespace === undefined || object.metadata?.namespace !== undefined || clusterScoped.has(kind)) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** `spec.hosts[0].set["a.b"]` → `spec`, `hosts`, `0`, `set`, `a.b`. */
function tokens(field: string): string[] {
  return [...field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? "",
  );
}

/** The deepest node there is on the way: of an entry in a map, its key. */
function nearest(root: Node, path: readonly string[]): Node {
  let place: Node = root;
  let node: unknown = root;
  for (const token of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === token);
      if (!pair) break;
      if (isNode(pair.key)) place = pair.key;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(token)];
      if (isNode(node)) place = node;
    } else break;
  }
  return place;
}
