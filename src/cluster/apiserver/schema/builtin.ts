import { definition, definitionOfKind } from "./definitions.ts";
import type { JSONSchema } from "./json-schema.ts";

/**
 * The schema of a kind that comes with Kubernetes (v1.32); undefined for others. Nodes are shared and frozen by
 * convention: never change one. `required` follows the documentation: Kubernetes itself does not check it when it decodes.
 */
export function builtinSchema(group: string, version: string, kind: string): JSONSchema | undefined {
  const name = definitionOfKind(group, version, kind);
  return name === undefined ? undefined : definition(name);
}
