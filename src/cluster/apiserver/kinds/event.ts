import { at, type Fields, isFields, type Obj } from "../object.ts";
import { column, since, textAt } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

/** core/v1 is stored; events.k8s.io/v1 renames some fields of the same object. */
const renamed: readonly (readonly [stored: string, newer: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

function rename(object: Obj, apiVersion: string, names: ReadonlyMap<string, string>): Obj {
  const result: Fields = {};
  for (const [field, value] of Object.entries(object)) result[names.get(field) ?? field] = value;
  return { ...result, apiVersion } as Obj;
}

const toNewer = new Map(renamed);
const toStored = new Map(renamed.map(([stored, newer]) => [newer, stored]));

const selectable = [
  "involvedObject.kind",
  "involvedObject.namespace",
  "involvedObject.name",
  "involvedObject.uid",
  "involvedObject.apiVersion",
  "involvedObject.resourceVersion",
  "involvedObject.fieldPath",
  "regarding.kind",
  "regarding.namespace",
  "regarding.name",
  "regarding.uid",
  "regarding.apiVersion",
  "regarding.resourceVersion",
  "regarding.fieldPath",
  "reason",
  "reportingComponent",
  "reportingController",
  "source",
  "type",
];

function fieldOf(event: Obj, field: string): string {
  const path = field
    .replace(/^regarding\./, "involvedObject.")
    .replace(/^reportingController$/, "reportingComponent")
    .replace(/^source$/, "source.component");
  const value = at(event, path);
  if ((value === undefined || value === "") && path === "reportingComponent") return fieldOf(event, "source");
  return typeof value === "string" ? value : "";
}

function reporter(event: Obj): string {
  const { source } = event;
  const component = isFields(source) ? source["component"] : undefined;
  return textAt({ component: component || event["reportingComponent"] }, "component", "");
}

function lastSeen(event: Obj): string {
  const series = event["series"];
  const time =
    (isFields(series) ? series["lastObservedTime"] : undefined) ??
    event["lastTimestamp"] ??
    event["eventTime"] ??
    event["firstTimestamp"];
  return since(time);
}

const events = defineKind(
  { group: "", kind: "Event", plural: "events" },
  {
    shortNames: ["ev"],
    served: [
      { group: "", version: "v1" },
      {
        group: "events.k8s.io",
        version: "v1",
        toStored: (object) => rename(object, "v1", toStored),
        fromStored: (object) => rename(object, "events.k8s.io/v1", toNewer),
      },
    ],
    selectable,
    selectableValue: fieldOf,
    table: {
      columns: [
        column("Last Seen"),
        column("Type"),
        column("Reason"),
        column("Object"),
        column("Subobject", "string", 1),
        column("Source", "string", 1),
        column("Message"),
        column("First Seen", "string", 1),
        column("Count", "string", 1),
        { name: "Name", type: "string", format: "name", priority: 1 },
      ],
      cells(event) {
        const kind = fieldOf(event, "involvedObject.kind").toLowerCase();
        const name = fieldOf(event, "involvedObject.name");
        return [
          lastSeen(event),
          textAt(event, "type", ""),
          textAt(event, "reason", ""),
          name ? `${kind}/${name}` : kind,
          fieldOf(event, "involvedObject.fieldPath"),
          reporter(event),
          textAt(event, "message", "").trim(),
          since(event["firstTimestamp"] ?? event["eventTime"]),
          textAt(event, "count", "1"),
          event.metadata.name ?? "",
        ];
      },
    },
  },
);

export const eventKinds: readonly Kind[] = [events];
