import { type FieldError, formatComplaint } from "#config/field-error.ts";
import type { IstioKind } from "#config/kind.ts";
import { istioKinds } from "#config/kinds.ts";
import type { Analyzer } from "../analyzer.ts";
import type { Mesh } from "../mesh.ts";
import { type Message, type MessageName, message } from "../message.ts";
import { groupOf, structureErrors } from "../shapes.ts";

/** One for each of Istio's kinds. */
export const schemas: readonly Analyzer[] = istioKinds.map((kind) => ({
  name: `schema.ValidationAnalyzer.${kind.kind}`,
  description: `each ${kind.kind} is valid`,
  needs: "config",
  analyze: (mesh) => check(kind, mesh),
}));

function check(kind: IstioKind, { all }: Mesh): Message[] {
  const objects = all.filter((object) => object.kind === kind.kind && groupOf(object) === kind.group);
  return objects.flatMap((object) => {
    const { errors, warnings } = kind.validate(object);
    const problems = errors.length > 0 ? errors : structureErrors(object);
    return [
      ...problems.map((error) => message("SchemaValidationError", object, error.field, formatComplaint(error))),
      ...warnings.map((warning) => message(nameOfWarning(warning), object, warning.field, formatComplaint(warning))),
    ];
  });
}

function nameOfWarning({ about }: FieldError): MessageName {
  if (about === "unreachable rule") return "VirtualServiceUnreachableRule";
  return about === "unused match" ? "VirtualServiceIneffectiveMatch" : "SchemaWarning";
}
