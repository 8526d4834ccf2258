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
  containers: list(object({ name: text(), securityContext: object({ runAsUser: integer() }) })),
  initContainers: list(object({ name: text(), securityContext: object({ runAsUser: integer() }) })),
  securityContext: object({ runAsUser: integer() }),
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
  "security.istio.io/RequestAuthentication": object({ selector }),
  "gateway.networking.k8s.io/Gateway": object({ listeners: list(object({ hostname: text() })) }),
};

const statuses: Readonly<Record<string, JsonSchema>> = {
  "/Service": object({ conditions }),
  "networking.istio.io/ServiceEntry": object({ conditions, addresses: list(open()) }),
  "security.istio.io/AuthorizationPolicy": object({ conditions }),
  "gateway.networking.k8s.io/Gateway": object({ conditions }),
  "gateway.networking.k8s.io/HTTPRoute": object({ parents: list(object({ conditions })) }),
  "gateway.networking.k8s.io/GRPCRoute": object({ parents: list(object({ conditions })) }),
};

const metadata = object({ name: text(), namespace: text(), labels, annotations: labels });

export function groupOf({ apiVersion = "" }: KubeObject): string {
  return apiVersion.includes("/") ? (apiVersion.split("/", 1)[0] ?? "") : "";
}

/**
 * Where the structure of an object isn't what analyzers count on: lists, maps, texts and numbers in their places. Nothing more: they
 * deal with missing and unknown fields. Such an object is reported as wrong and not seen by the analyzers of anything else.
 */
export function structureErrors(object: KubeObject): readonly FieldError[] {
  const group = groupOf(object);
  const key = `${group}/${object.kind}`;
  const kind = kindNamed(object.kind ?? "");
  const spec = specs[key] ?? (kind?.group === group ? kind.schema.properties?.["spec"] : undefined);
  const parts = object as { readonly metadata?: unknown; readonly spec?: unknown; readonly status?: unknown };
  return [
    ...mistyped(metadata, parts.metadata, "metadata"),
    ...(spec ? mistyped(spec, parts.spec, "spec") : []),
    ...(statuses[key] ? mistyped(statuses[key], parts.status, "status") : []),
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

function wrongType(field: string, type: string | undefined): FieldError {
  return { field, message: `must be of type ${type}` };
}
