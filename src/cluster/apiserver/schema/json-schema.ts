export type JSONType = "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";

/**
 * The part of OpenAPI v3's schema that Kubernetes uses: a CRD's `openAPIV3Schema`, or a built-in kind's.
 * Nodes may be shared and may be cyclic (JSONSchemaProps describes itself), so walk along a value, never the bare schema.
 */
export interface JSONSchema {
  readonly type?: JSONType;
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JSONSchema>>;
  readonly additionalProperties?: JSONSchema | boolean;
  readonly required?: readonly string[];
  readonly items?: JSONSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly JSONSchema[];
  readonly anyOf?: readonly JSONSchema[];
  readonly oneOf?: readonly JSONSchema[];
  readonly not?: JSONSchema;
  readonly externalDocs?: object;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-patch-merge-key"?: string;
  /** `merge`, `replace`, `retainKeys`, or two of them with a comma. */
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A CEL rule of a CRD. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** The schema of a field or list item of `schema`; undefined where nothing is known. */
export function propertySchema(schema: JSONSchema | undefined, name: string): JSONSchema | undefined {
  const own = schema?.properties;
  if (own && Object.hasOwn(own, name)) return own[name];
  const rest = schema?.additionalProperties;
  return typeof rest === "object" ? rest : undefined;
}
