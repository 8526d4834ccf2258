import type { FieldError } from "#config/field-error.ts";
import { kindNamed } from "#config/kinds.ts";
import { bool, integer, list, map, object, open, text } from "#config/schema/build.ts";
import type { JsonSchema } from "#config/schema/json-schema.ts";
import type { KubeObject } from "#kube/object.ts";

const labels = map(text());
const selector = object({ matchLabels: labels });
const conditions = list(object({ type: text(), status: text(), reason: text(), message: text() }));
const pod = object({
  nodeName: text(),
  hostNetwork: bool(),
  containers: list(
    object({
      name: text(),
      env: list(object({ name: text(), value: text() })),
      securityContext: object({ runAsUser: integer() }),
    }),
  ),
  initContainers: list(object({ name: text(), securityContext: object({ runAsUser: integer() }) })),
  securityContext: object({ runAsUser: integer() }),
});

const name = { required: ["name"] };
const reference = object({ group: text(), kind: text(), namespace: text(), name: text() }, name);
const parents = list(
  object({ group: text(), kind: text(), namespace: text(), name: text(), sectionName: text(), port: integer() }, name),
);
const backend = object(
  { group: text(), kind: text(), namespace: text(), name: text(), port: integer(), weight: integer() },
  name,
);
const route = object({
  parentRefs: parents,
  hostnames: list(text()),
  rules: list(
    object({
      backendRefs: list(backend),
      filters: list(object({ requestMirror: object({ backendRef: backend }, { required: ["backendRef"] }) })),
    }),
  ),
});
const namespaces = object({
  from: text(),
  selector: object({
    matchLabels: labels,
    matchExpressions: list(
      object({ key: text(), operator: text(), values: list(text()) }, { required: ["key", "operator"] }),
    ),
  }),
});
const listeners = list(
  object(
    {
      name: text(),
      hostname: text(),
      port: integer(),
      protocol: text(),
      allowedRoutes: object({
        namespaces,
        kinds: list(object({ group: text(), kind: text() }, { required: ["kind"] })),
      }),
      tls: object({ mode: text(), options: labels, certificateRefs: list(reference) }),
    },
    { required: ["name", "protocol"] },
  ),
);
const grants = object({
  from: list(object({ group: text(), kind: text(), namespace: text() }, { required: ["group", "kind", "namespace"] })),
  to: list(object({ group: text(), kind: text(), name: text() }, { required: ["group", "kind"] })),
});

/** What analyzers read of kinds that have no schema in `#config` yet, by `group/Kind`. */
const specs: Readonly<Record<string, JsonSchema>> = {
  "/Service": object({
    type: text(),
    selector: labels,
    ports: list(
      object({
        port: integer(),
        name: text(),
        protocol: text(),
        appProtocol: text(),
        targetPort: { "x-kubernetes-int-or-string": true },
      }),
    ),
  }),
  "/Pod": pod,
  "apps/Deployment": object({
    selector,
    template: object({ metadata: object({ labels, annotations: labels }), spec: pod }),
  }),
  "gateway.networking.k8s.io/Gateway": object(
    {
      gatewayClassName: text(),
      listeners,
      addresses: list(object({ type: text(), value: text() })),
      allowedListeners: object({ namespaces }),
      infrastructure: object({ labels, annotations: labels, parametersRef: reference }),
    },
    { required: ["gatewayClassName"] },
  ),
  "gateway.networking.k8s.io/GatewayClass": object({ controllerName: text() }, { required: ["controllerName"] }),
  "gateway.networking.k8s.io/ListenerSet": object({ parentRef: reference, listeners }, { required: ["parentRef"] }),
  "gateway.networking.k8s.io/HTTPRoute": route,
  "gateway.networking.k8s.io/GRPCRoute": route,
  "gateway.networking.k8s.io/TCPRoute": route,
  "gateway.networking.k8s.io/TLSRoute": route,
  "gateway.networking.k8s.io/ReferenceGrant": grants,
};

const withConditions = object({ conditions });
/** Of any kind. */
const status = object({
  conditions,
  listeners: list(withConditions),
  parents: list(withConditions),
  ancestors: list(withConditions),
  addresses: list(open()),
});

const metadata = object({ name: text(), namespace: text(), labels, annotations: labels });

export function groupOf({ apiVersion = "" }: KubeObject): string {
  return apiVersion.includes("/") ? (apiVersion.split("/", 1)[0] ?? "") : "";
}

/**
 * Where the structure of an object isn't what analyzers count on: lists, maps, texts and numbers in their places, and for kinds without a
 * schema of ours what must be there. Nothing more: they deal with missing and unknown fields. Such an object is reported as wrong and not seen by the analyzers of anything else.
 */
export function structureErrors(object: KubeObject): readonly FieldError[] {
  const group = groupOf(object);
  const key = `${group}/${object.kind}`;
  const kind = kindNamed(object.kind ?? "");
  const own = specs[key];
  const spec = own ?? (kind?.group === group ? kind.schema.properties?.["spec"] : undefined);
  const parts = object as { readonly metadata?: unknown; readonly spec?: unknown; readonly status?: unknown };
  return [
    ...mistyped(metadata, parts.metadata, "metadata"),
    ...(spec ? mistyped(spec, parts.spec, "spec") : []),
    ...(own ? missing(own, parts.spec, "spec") : []),
    ...mistyped(status, parts.status, "status"),
  ];
}

function mistyped(schema: JsonSchema, value: unknown, field: string): FieldError[] {
  if (value === undefined) return [];
  const { type, items, properties = {}, additionalProperties: entries } = schema;
  if (Array.isArray(value)) {
    if (type !== undefined && type !== "array") return [wrongType(field, type)];
    return items ? value.flatMap((item, index) => mistyped(items, item, `${field}[${index}]`)) : [];
  }
  if (typeof value === "object" && value !== null) {
    if (type !== undefined && type !== "object") return [wrongType(field, type)];
    return Object.entries(value).flatMap(([name, item]) => {
      const known = Object.hasOwn(properties, name) ? properties[name] : entries;
      return known ? mistyped(known, item, `${field}.${name}`) : [];
    });
  }
  const wanted = type === "integer" ? "number" : type;
  return wanted === undefined || (value !== null && typeof value === wanted) ? [] : [wrongType(field, type)];
}

/** Fields that the shapes above ask for. */
function missing(schema: JsonSchema, value: unknown, field: string): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, index) => missing(items, item, `${field}[${index}]`)) : [];
  }
  if (typeof value !== "object" || value === null) return [];
  const { required = [], properties = {} } = schema;
  const fields = value as Readonly<Record<string, unknown>>;
  return [
    ...required
      .filter((name) => fields[name] === undefined)
      .map((name) => ({ field: `${field}.${name}`, message: "is required" })),
    ...Object.entries(properties).flatMap(([name, inner]) => missing(inner, fields[name], `${field}.${name}`)),
  ];
}

function wrongType(field: string, type: string | undefined): FieldError {
  return { field, message: `must be of type ${type}` };
}
