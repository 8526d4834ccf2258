import { isJsonObject, type JsonObject, jsonEqual, setField } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";

/** Kubernetes: `handlers.maxJSONPatchOperations`. */
const maxOperations = 10_000;

/**
 * RFC 6902. The target is left as it is; the answer is a new value.
 * Throws {@link PatchError}: 400 for a malformed patch, 422 for one that does not fit (a failed `test` too), 413 for too many operations.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new PatchError(400, "a JSON patch must be an array of operations");
  if (patch.length > maxOperations)
    throw new PatchError(
      413,
      `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`,
    );
  // A holder, so that the whole document is a place like any other.
  const holder = { root: structuredClone(target) };
  patch.forEach((operation: unknown, index) => {
    if (!isJsonObject(operation)) throw new PatchError(400, `operation ${index} of the JSON patch is not an object`);
    applyOperation(holder, operation, index);
  });
  return holder.root;
}

interface Holder {
  root: unknown;
}

function applyOperation(holder: Holder, operation: JsonObject, index: number): void {
  const { op } = operation;
  const path = pointer(operation, "path", index);
  switch (op) {
    case "add":
      return add(holder, path, valueOf(operation, index));
    case "remove":
      remove(holder, path, "remove");
      return;
    case "replace":
      return replace(holder, path, valueOf(operation, index));
    case "move": {
      const from = pointer(operation, "from", index);
      if (path.length > from.length && from.every((step, i) => step === path[i]))
        throw new PatchError(422, `move operation does not apply: ${show(from)} can't be moved into itself`);
      return add(holder, path, remove(holder, from, "move"));
    }
    case "copy":
      return add(holder, path, structuredClone(read(holder, pointer(operation, "from", index), "copy")));
    case "test":
      if (!jsonEqual(read(holder, path, "test"), valueOf(operation, index)))
        throw new PatchError(422, `testing value ${show(path)} failed`);
      return;
    default:
      throw new PatchError(400, `operation ${index} of the JSON patch has the unknown op ${JSON.stringify(op)}`);
  }
}

function valueOf(operation: JsonObject, index: number): unknown {
  if (!Object.hasOwn(operation, "value"))
    throw new PatchError(400, `operation ${index} of the JSON patch (${String(operation["op"])}) has no value`);
  return structuredClone(operation["value"]);
}

/** RFC 6901. */
function pointer(operation: JsonObject, member: "path" | "from", index: number): string[] {
  const text = operation[member];
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/")))
    throw new PatchError(400, `operation ${index} of the JSON patch: ${member} must be a JSON pointer`);
  if (text === "") return [];
  return text
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function show(path: readonly string[]): string {
  return path.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function missing(op: string, path: readonly string[]): PatchError {
  return new PatchError(422, `${op} operation does not apply: doc is missing path: "${show(path)}": missing value`);
}

/** An index of an existing item, or the length (and `-`) where `end` allows it; RFC 6901 forbids leading zeros. */
function itemIndex(list: readonly unknown[], step: string, end: boolean): number | undefined {
  if (step === "-") return end ? list.length : undefined;
  if (!/^(0|[1-9][0-9]*)$/.test(step)) return undefined;
  const index = Number(step);
  return index < list.length || (end && index === list.length) ? index : undefined;
}

function read(holder: Holder, path: readonly string[], op: string): unknown {
  let at = holder.root;
  for (const step of path) {
    if (Array.isArray(at)) {
      const index = itemIndex(at, step, false);
      if (index === undefined) throw missing(op, path);
      at = at[index];
    } else if (isJsonObject(at) && Object.hasOwn(at, step)) at = at[step];
    else throw missing(op, path);
  }
  return at;
}

function add(holder: Holder, path: readonly string[], value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) {
    holder.root = value;
    return;
  }
  const parent = read(holder, path.slice(0, -1), "add");
  if (Array.isArray(parent)) {
    const index = itemIndex(parent, last, true);
    if (index === undefined) throw missing("add", path);
    parent.splice(index, 0, value);
  } else if (isJsonObject(parent)) setField(parent, last, value);
  else throw missing("add", path);
}

function remove(holder: Holder, path: readonly string[], op: string): unknown {
  const old = read(holder, path, op);
  const last = path.at(-1);
  if (last === undefined) {
    holder.root = null;
    return old;
  }
  const parent = read(holder, path.slice(0, -1), op);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as JsonObject)[last];
  return old;
}

function replace(holder: Holder, path: readonly string[], value: unknown): void {
  read(holder, path, "replace");
  const last = path.at(-1);
  const parent = last === undefined ? undefined : read(holder, path.slice(0, -1), "replace");
  if (last === undefined) holder.root = value;
  else if (Array.isArray(parent)) parent[Number(last)] = value;
  else setField(parent as JsonObject, last, value);
}
