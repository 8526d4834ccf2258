import { since } from "../kinds/columns.ts";
import {
  type Cell,
  type Column,
  defineKind,
  type Kind,
  type ScalePaths,
  type ServedVersion,
  type TableColumns,
} from "../kinds/kind.ts";
import { isFields, type Obj } from "../object.ts";
import { compareVersions } from "../registry.ts";
import type { Definition, Version } from "./definition-types.ts";
import { parseJsonPath } from "./json-path.ts";

const withoutDot = (path: string): string => path.replace(/^\./, "");

function scalePaths({ subresources }: Version): ScalePaths | undefined {
  const scale = subresources?.scale;
  return scale
    ? {
        specReplicas: withoutDot(scale.specReplicasPath),
        statusReplicas: withoutDot(scale.statusReplicasPath),
        ...(scale.labelSelectorPath ? { selector: withoutDot(scale.labelSelectorPath) } : {}),
      }
    : undefined;
}

function cellOf(values: readonly unknown[], type: string): Cell {
  const [value] = values;
  if (value === undefined || value === null) return null;
  if (type === "date") return since(value);
  if (type === "string") return values.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" ");
  if (type === "boolean") return typeof value === "boolean" ? value : null;
  return typeof value === "number" ? value : null;
}

const age: NonNullable<Version["additionalPrinterColumns"]>[number] = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

/** Kubernetes: a definition without columns, or with an empty list of them, has the age. */
function tableOf({ additionalPrinterColumns = [] }: Version): TableColumns {
  const extra = additionalPrinterColumns.length > 0 ? additionalPrinterColumns : [age];
  const paths = extra.map(({ jsonPath, type }) => ({ path: parseJsonPath(jsonPath), type }));
  return {
    columns: [
      { name: "Name", type: "string", format: "name" },
      ...extra.map(
        ({ name, type, format, description, priority }): Column => ({
          name,
          type: type as Column["type"],
          ...(format ? { format } : {}),
          ...(description ? { description } : {}),
          ...(priority ? { priority } : {}),
        }),
      ),
    ],
    cells: (object) => [object.metadata.name ?? "", ...paths.map(({ path, type }) => cellOf(path(object), type))],
  };
}

/** Fields that may be selected by, over all served versions, with how to read them. */
function selectableFields(versions: readonly Version[]): Map<string, (object: Obj) => string> {
  const fields = new Map<string, (object: Obj) => string>();
  for (const { selectableFields: given } of versions)
    for (const { jsonPath } of given ?? []) {
      const path = parseJsonPath(jsonPath);
      fields.set(withoutDot(jsonPath), (object) => {
        const [value] = path(object);
        if (value === undefined || isFields(value)) return "";
        return typeof value === "string" ? value : JSON.stringify(value);
      });
    }
  return fields;
}

/** The kind that an established definition serves; undefined while its names are not accepted. */
export function customKind(definition: Definition): Kind | undefined {
  const { spec, status } = definition;
  if (!status?.conditions?.some(({ type, status }) => type === "Established" && status === "True")) return undefined;
  const served = spec.versions.filter((version) => version.served).toSorted((a, b) => compareVersions(a.name, b.name));
  const stored = spec.versions.find((version) => version.storage);
  if (!stored || served.length === 0) return undefined;
  const { group, names } = spec;
  const storedApiVersion = `${group}/${stored.name}`;

  const versions = served.map((version): ServedVersion => {
    const apiVersion = `${group}/${version.name}`;
    const scale = scalePaths(version);
    const schema = version.schema?.openAPIV3Schema;
    return {
      group,
      version: version.name,
      // Conversion strategy None: the versions share one shape.
      toStored: (object) => ({ ...object, apiVersion: storedApiVersion }),
      fromStored: (object) => ({ ...object, apiVersion }),
      table: tableOf(version),
      status: version.subresources?.status !== undefined,
      ...(schema ? { schema } : {}),
      ...(scale ? { scale } : {}),
      ...(version.deprecated
        ? { deprecationWarning: version.deprecationWarning ?? `${apiVersion} ${names.kind} is deprecated` }
        : {}),
    };
  });
  const fields = selectableFields(served);
  return defineKind(
    { group, version: stored.name, kind: names.kind, plural: names.plural },
    {
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: spec.scope === "Namespaced",
      served: versions,
      status: stored.subresources?.status !== undefined,
      generation: true,
      unconditionalUpdate: false,
      custom: true,
      selectable: [...fields.keys()],
      selectableValue: (object, field) => fields.get(field)?.(object) ?? "",
    },
  );
}
