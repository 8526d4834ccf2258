import { field, message } from "../edge/protobuf/writer.ts";
import type { ServedKind } from "../schema/openapi-paths.ts";

/** How kubectl before 1.29 asks for the second version of OpenAPI; it takes nothing else. */
export const openApiV2ProtobufType = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/**
 * The part of the document that those clients need before they `apply`: which kinds take `fieldValidation`, so that the
 * server validates. Field numbers: github.com/google/gnostic-models openapiv2/OpenAPIv2.proto.
 */
export function openApiV2Protobuf(kinds: readonly ServedKind[]): Buffer {
  const parameter = (name: string): Buffer => {
    const query = message(field(2, "query"), field(4, name), field(6, "string"));
    // ParametersItem.parameter → Parameter.non_body_parameter → NonBodyParameter.query_parameter_sub_schema
    return field(8, field(1, field(2, field(3, query))));
  };
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
  const paths = kinds
    .filter(({ verbs }) => verbs.includes("patch"))
    .map(({ group, version, kind, plural, namespaced }) => {
      const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
      const path = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}/{name}`;
      const names = `group: ${JSON.stringify(group)}\nkind: ${kind}\nversion: ${version}\n`;
      const extension = message(field(1, "x-kubernetes-group-version-kind"), field(2, field(2, names)));
      const patch = message(...parameters, field(13, extension));
      return field(2, message(field(1, path), field(2, field(8, patch))));
    });
  const info = message(field(1, "Kubernetes"), field(2, "v1.32.4"));
  return message(field(1, "2.0"), field(2, info), field(8, message(...paths)));
}
