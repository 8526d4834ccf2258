import { definition, definitionOfKind, referenceOf } from "./definitions.ts";
import type { JSONSchema } from "./json-schema.ts";

/** A kind for an OpenAPI document. */
export interface DescribedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Of a custom resource; a built-in kind's is found by its name. */
  readonly schema?: JSONSchema | undefined;
}

export type Dialect = "v2" | "v3";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const listMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/** The component that describes a kind: Kubernetes' own name, or the reversed group for a custom resource. */
export function componentName({ group, version, kind }: DescribedKind): string {
  const builtin = definitionOfKind(group, version, kind);
  return builtin ?? [...group.split(".").reverse(), version, kind].join(".");
}

/**
 * Collects components: whatever is written as a reference is written out too, once. `describe` may give a definition and its
 * fields words.
 */
export class Components {
  readonly schemas: Record<string, unknown> = {};
  readonly #dialect: Dialect;
  readonly #describe: Describe;

  constructor(dialect: Dialect, describe: Describe = () => undefined) {
    this.#dialect = dialect;
    this.#describe = describe;
  }

  /** Adds a kind and its list; answers the component's name. */
  addKind(kind: DescribedKind): string {
    const name = componentName(kind);
    const { group, version } = kind;
    if (definitionOfKind(group, version, kind.kind)) this.#define(name);
    else this.schemas[name] = this.#customKind(kind);
    const listKind = `${kind.kind}List`;
    const builtinList = definitionOfKind(group, version, listKind);
    if (builtinList) this.#define(builtinList);
    else if (!definitionOfKind(group, version, kind.kind))
      this.schemas[`${name}List`] = {
        type: "object",
        required: ["items"],
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: this.#reference(listMeta),
          items: { type: "array", items: this.#reference(name) },
        },
        "x-kubernetes-group-version-kind": [{ group, version, kind: listKind }],
      };
    return name;
  }

  /** A reference to a component or, for a definition of Kubernetes, the definition too. */
  #reference(name: string): object {
    this.#define(name);
    return { $ref: `#/${this.#dialect === "v3" ? "components/schemas" : "definitions"}/${name}` };
  }

  #define(name: string): void {
    if (Object.hasOwn(this.schemas, name)) return;
    const schema = definition(name);
    if (!schema) return;
    // Taken before it is written: definitions may contain themselves.
    this.schemas[name] = {};
    this.schemas[name] = this.#write(schema, name, true);
  }

  #customKind({ group, version, kind, schema }: DescribedKind): object {
    const { properties, ...rest } = (schema ? this.#write(schema) : { type: "object" }) as {
      properties?: Record<string, unknown>;
    };
    return {
      ...rest,
      properties: {
        ...properties,
        apiVersion: { type: "string", ...this.#words(objectMeta, "apiVersion") },
        kind: { type: "string", ...this.#words(objectMeta, "kind") },
        metadata: this.#reference(objectMeta),
      },
      "x-kubernetes-group-version-kind": [{ group, version, kind }],
    };
  }

  #words(name: string | undefined, field?: string): { description?: string } {
    const description = name === undefined ? undefined : this.#describe(name, field);
    return description ? { description } : {};
  }

  /** `owner` is the definition whose own fields are written. */
  #write(schema: JSONSchema, owner?: string, isDefinition = false): unknown {
    const target = isDefinition ? undefined : referenceOf(schema);
    if (target) {
      const reference = this.#reference(target.name);
      return Object.keys(target.marks).length === 0 ? reference : this.#beside(reference, target.marks);
    }
    const { properties, items, additionalProperties, allOf, anyOf, oneOf, not, ...rest } = schema;
    const written: Record<string, unknown> = {
      ...(isDefinition ? this.#words(owner) : {}),
      ...this.#plain(rest, schema),
    };
    if (properties)
      written["properties"] = Object.fromEntries(
        Object.entries(properties).map(([name, field]) => {
          const part = this.#write(field) as object;
          const words = this.#words(owner, name);
          if (!words.description) return [name, part];
          return [name, Object.hasOwn(part, "$ref") ? this.#beside(part, words) : { ...part, ...words }];
        }),
      );
    if (items) written["items"] = this.#write(items);
    if (additionalProperties !== undefined)
      written["additionalProperties"] =
        typeof additionalProperties === "object" ? this.#write(additionalProperties) : additionalProperties;
    // OpenAPI v2 knows none of these.
    if (this.#dialect === "v2") return written;
    for (const [word, parts] of Object.entries({ allOf, anyOf, oneOf }))
      if (parts) written[word] = parts.map((part) => this.#write(part));
    if (not) written["not"] = this.#write(not);
    return written;
  }

  /** A reference with something beside it, which v3 wants inside `allOf`. */
  #beside(reference: object, marks: object): object {
    if (this.#dialect === "v2") return { ...reference, ...marks };
    return Object.hasOwn(reference, "$ref") ? { allOf: [reference], ...marks } : { ...reference, ...marks };
  }

  #plain(rest: JSONSchema, schema: JSONSchema): object {
    if (this.#dialect === "v3") {
      // Kubernetes publishes its own IntOrString without the mark of a CRD's.
      const { "x-kubernetes-int-or-string": isEither, ...others } = rest;
      return isEither && schema.format !== "int-or-string" ? rest : others;
    }
    if (schema["x-kubernetes-int-or-string"]) return { type: "string", format: "int-or-string" };
    // A quantity: the one type that Kubernetes writes as text or a number.
    if (schema.oneOf && !schema.type && !schema.properties) return { type: "string" };
    const { nullable: _n, "x-kubernetes-validations": _v, default: _d, ...others } = rest;
    return others;
  }
}

/** What a definition, or one of its fields, is for; undefined when nothing is known. */
export type Describe = (definition: string, field?: string) => string | undefined;
