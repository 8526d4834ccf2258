import { readFileSync } from "node:fs";
import { badRequest } from "../../api-error.ts";
import type { Fields } from "../../object.ts";
import { textOf, type WireField, wireFields } from "./reader.ts";

interface Field {
  readonly json: string;
  readonly list: boolean;
  readonly map: boolean;
  /** Zero is a value of its own. */
  readonly keepZero: boolean;
  readonly type: string;
}

type Message = ReadonlyMap<number, Field>;

let loaded: Map<string, Message> | undefined;

/** `fields.txt`, read when the first protobuf body comes. Its format is described in generate.ts. */
function messages(): Map<string, Message> {
  if (loaded) return loaded;
  loaded = new Map();
  let fields = new Map<number, Field>();
  for (const line of readFileSync(new URL("fields.txt", import.meta.url), "utf8").split("\n")) {
    const [number = "", json = "", type] = line.split(" ");
    if (type === undefined) {
      fields = new Map();
      loaded.set(line, fields);
      continue;
    }
    const parts = /^(?<flags>(?:\[\]|\{\}|\*|!)*)(?<name>.+)$/.exec(type)?.groups;
    const flags = parts?.["flags"] ?? "";
    fields.set(Number(number), {
      json,
      list: flags.includes("[]"),
      map: flags.includes("{}"),
      keepZero: flags !== "",
      type: parts?.["name"] ?? "",
    });
  }
  return loaded;
}

const depthLimit = 64;
type WireValue = WireField["value"];

function bytesOf(value: WireValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error("malformed protobuf: a message was expected");
  return value;
}

function integers(value: WireValue): bigint[] {
  const found: bigint[] = [];
  for (const field of wireFields(bytesOf(value)))
    found[field.number] = typeof field.value === "bigint" ? field.value : 0n;
  return found;
}

/** RFC 3339, with six digits of the second for a MicroTime; the zero time is no time. */
function time(value: WireValue, micro: boolean): string | undefined {
  const [, seconds, nanos = 0n] = integers(value);
  if (seconds === undefined) return undefined;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return micro ? `${text}.${String(nanos / 1000n).padStart(6, "0")}Z` : `${text}Z`;
}

function first(value: WireValue): WireValue | undefined {
  for (const field of wireFields(bytesOf(value))) if (field.number === 1) return field.value;
  return undefined;
}

function scalar(value: WireValue, field: Field, depth: number): unknown {
  switch (field.type) {
    case "s": {
      const text = textOf(value);
      return text === "" && !field.keepZero ? undefined : text;
    }
    case "b":
      return value === 0n && !field.keepZero ? undefined : value !== 0n;
    case "i":
      return value === 0n && !field.keepZero ? undefined : Number(value);
    case "d":
      return Number(value);
    case "B":
      return Buffer.from(bytesOf(value)).toString("base64");
    case "Time":
      return time(value, false);
    case "MicroTime":
      return time(value, true);
    case "Duration":
      return `${Number(integers(value)[1] ?? 0n) / 1e9}s`;
    case "Quantity": {
      const text = first(value);
      return text === undefined ? "0" : textOf(text);
    }
    case "IntOrString": {
      let result: number | string = 0;
      let isText = false;
      for (const part of wireFields(bytesOf(value))) {
        if (part.number === 1) isText = part.value === 1n;
        else if (part.number === 2 && !isText) result = Number(part.value);
        else if (part.number === 3 && isText) result = textOf(part.value);
      }
      return result;
    }
    case "Raw": {
      const raw = first(value);
      return raw === undefined || bytesOf(raw).length === 0 ? undefined : (JSON.parse(textOf(raw)) as unknown);
    }
    case "Items":
      return [...wireFields(bytesOf(value))].map((item) => textOf(item.value));
    default:
      return message(bytesOf(value), field.type, depth + 1);
  }
}

function put(into: Fields, field: Field, value: WireValue, depth: number): void {
  if (field.json === "~") {
    Object.assign(into, message(bytesOf(value), field.type, depth + 1));
    return;
  }
  if (field.map) {
    let key = "";
    let inner: unknown = field.type === "s" || field.type === "B" ? "" : {};
    for (const part of wireFields(bytesOf(value))) {
      if (part.number === 1) key = textOf(part.value);
      else if (part.number === 2) inner = scalar(part.value, field, depth);
    }
    into[field.json] ??= {};
    Object.defineProperty(into[field.json], key, {
      value: inner,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    return;
  }
  const decoded = scalar(value, field, depth);
  if (field.list) {
    into[field.json] ??= [];
    (into[field.json] as unknown[]).push(decoded);
  } else if (decoded !== undefined) into[field.json] = decoded;
}

function message(bytes: Uint8Array, type: string, depth: number): Fields {
  if (depth > depthLimit) throw new Error(`malformed protobuf: nested deeper than ${depthLimit}`);
  const fields = messages().get(type);
  if (!fields) throw new Error(`no protobuf layout is known for ${type}`);
  const result: Fields = {};
  for (const { number, value } of wireFields(bytes)) {
    const field = fields.get(number);
    if (field) put(result, field, value, depth);
  }
  return result;
}

const magic = Buffer.from("k8s\0");

/** The media type of {@link decodeProtobuf}'s input. */
export const protobufType = "application/vnd.kubernetes.protobuf";

/**
 * An object in Kubernetes' protobuf envelope (k8s.io/apimachinery `runtime.Unknown`), as its JSON form: what kubectl's
 * `create` sends for built-in kinds. Throws a 400 for anything else.
 */
export function decodeProtobuf(body: Buffer): Fields {
  try {
    if (!body.subarray(0, 4).equals(magic)) throw new Error("the prefix k8s\\0 is missing");
    let apiVersion = "";
    let kind = "";
    let raw: Uint8Array = new Uint8Array();
    for (const { number, value } of wireFields(body.subarray(4)))
      if (number === 1)
        for (const part of wireFields(bytesOf(value))) {
          if (part.number === 1) apiVersion = textOf(part.value);
          else if (part.number === 2) kind = textOf(part.value);
        }
      else if (number === 2) raw = bytesOf(value);
    const slash = apiVersion.indexOf("/");
    const [group, version] = slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
    const type = kind === "DeleteOptions" ? "meta/v1.DeleteOptions" : `${group}/${version}.${kind}`;
    return { apiVersion, kind, ...message(raw, type, 0) };
  } catch (cause) {
    throw badRequest(`the protobuf body can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
