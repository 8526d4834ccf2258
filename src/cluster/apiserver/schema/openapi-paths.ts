import { componentName, type DescribedKind, type Dialect } from "./openapi-schema.ts";

export interface ServedKind extends DescribedKind {
  readonly plural: string;
  readonly namespaced: boolean;
  /** `get`, `list`, `create`, `update`, `patch`, `delete`, `deletecollection`, `watch`. */
  readonly verbs: readonly string[];
  /** `status` and `scale` are the ones that get paths. */
  readonly subresources?: readonly string[];
}

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

const operations: Readonly<
  Record<string, { method: string; verb: string; onItem: boolean; query: readonly string[] }>
> = {
  list: {
    method: "get",
    verb: "list",
    onItem: false,
    query: ["continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "timeoutSeconds", "watch"],
  },
  create: { method: "post", verb: "post", onItem: false, query: ["dryRun", "fieldManager", "fieldValidation"] },
  deletecollection: {
    method: "delete",
    verb: "deletecollection",
    onItem: false,
    query: ["dryRun", "fieldSelector", "labelSelector", "propagationPolicy"],
  },
  get: { method: "get", verb: "get", onItem: true, query: [] },
  update: { method: "put", verb: "put", onItem: true, query: ["dryRun", "fieldManager", "fieldValidation"] },
  patch: {
    method: "patch",
    verb: "patch",
    onItem: true,
    query: ["dryRun", "fieldManager", "fieldValidation", "force"],
  },
  delete: {
    method: "delete",
    verb: "delete",
    onItem: true,
    query: ["dryRun", "gracePeriodSeconds", "propagationPolicy"],
  },
};

const parameterTypes: Readonly<Record<string, string>> = {
  limit: "integer",
  timeoutSeconds: "integer",
  gracePeriodSeconds: "integer",
  watch: "boolean",
  force: "boolean",
};

/**
 * Paths of a kind and its `status` and `scale`. kubectl reads them: that PATCH takes `fieldValidation`, which patch types it
 * takes, and which kind a resource has.
 */
export function pathsOf(kind: ServedKind, dialect: Dialect): Record<string, object> {
  const { group, version, namespaced, plural, verbs, subresources = [] } = kind;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const item = `${collection}/{name}`;
  const named = [...(namespaced ? ["namespace"] : []), "name"];
  const paths: Record<string, object> = {};
  const add = (path: string, names: readonly string[], methods: Record<string, object>): void => {
    if (Object.keys(methods).length === 0) return;
    const parameters = names.map((name) => parameter(name, "path", dialect));
    paths[path] = { ...methods, ...(parameters.length > 0 ? { parameters } : {}) };
  };
  const some = (onItem: boolean, allowed: readonly string[]): Record<string, object> =>
    Object.fromEntries(
      Object.entries(operations)
        .filter(([verb, operation]) => operation.onItem === onItem && allowed.includes(verb))
        .map(([, operation]) => [operation.method, operationOf(operation, kind, dialect)]),
    );
  add(collection, named.slice(0, -1), some(false, verbs));
  add(item, named, some(true, verbs));
  if (namespaced && verbs.includes("list")) add(`${root}/${plural}`, [], some(false, ["list"]));
  for (const subresource of subresources.filter((name) => name === "status" || name === "scale"))
    add(`${item}/${subresource}`, named, some(true, ["get", "patch", "update"]));
  return paths;
}

function operationOf(
  { method, verb, query }: { method: string; verb: string; query: readonly string[] },
  kind: ServedKind,
  dialect: Dialect,
): object {
  const { group, version } = kind;
  const reference = (name: string): object => ({
    $ref: `#/${dialect === "v3" ? "components/schemas" : "definitions"}/${name}`,
  });
  const name = componentName(kind);
  const answer = verb === "list" ? reference(`${name}List`) : verb.startsWith("delete") ? {} : reference(name);
  const hasBody = method === "post" || method === "put" || method === "patch";
  const bodyTypes =
    method === "patch" ? patchTypes.filter((type) => !kind.schema || !type.includes("strategic")) : ["*/*"];
  const body = method === "patch" ? { type: "object" } : reference(name);
  const parameters = query.map((field) => parameter(field, "query", dialect));
  const common = {
    "x-kubernetes-action": verb,
    "x-kubernetes-group-version-kind": { group, version, kind: kind.kind },
  };
  if (dialect === "v2")
    return {
      ...common,
      consumes: hasBody ? bodyTypes : ["*/*"],
      produces: ["application/json"],
      parameters: hasBody ? [...parameters, { name: "body", in: "body", required: true, schema: body }] : parameters,
      responses: { 200: { description: "OK", schema: answer } },
    };
  const content = Object.fromEntries(bodyTypes.map((type) => [type, { schema: body }]));
  return {
    ...common,
    parameters,
    ...(hasBody ? { requestBody: { content, required: true } } : {}),
    responses: { 200: { description: "OK", content: { "application/json": { schema: answer } } } },
  };
}

function parameter(name: string, place: "query" | "path", dialect: Dialect): object {
  const type = parameterTypes[name] ?? "string";
  const required = place === "path" ? { required: true } : {};
  if (dialect === "v2") return { name, in: place, type, uniqueItems: true, ...required };
  return { name, in: place, ...required, schema: { type, uniqueItems: true } };
}
