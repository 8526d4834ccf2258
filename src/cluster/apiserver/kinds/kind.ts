import type { FieldError } from "../api-error.ts";
import type { Mutable, Obj } from "../object.ts";
import type { JSONSchema } from "../schema/json-schema.ts";

/** A column of `kubectl get`; `priority` above 0 shows with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

export type Cell = string | number | boolean | null;

export interface TableColumns {
  readonly columns: readonly Column[];
  readonly cells: (object: Obj) => Cell[];
}

/** Where `/scale` reads and writes. Dotted paths without a leading dot. */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** A label selector object, or (CRDs) its string form. */
  readonly selector?: string;
}

/** One API version under which a kind is served. */
export interface ServedVersion {
  readonly group: string;
  readonly version: string;
  /** Absent: only `apiVersion` differs from the stored form. */
  readonly toStored?: (object: Obj) => Obj;
  readonly fromStored?: (object: Obj) => Obj;
  /** Of a custom resource; a built-in one's comes from `schema/builtin.ts`. */
  readonly schema?: JSONSchema;
  readonly table?: TableColumns;
  readonly status?: boolean;
  readonly scale?: ScalePaths;
  readonly deprecationWarning?: string;
}

/** What a strategy may look at besides the object itself. */
export interface StrategyContext {
  readonly now: string;
  /** Stored objects of another kind, for defaults that depend on them. */
  readonly get: (resource: string, namespace: string, name: string) => Obj | undefined;
  readonly list: (resource: string, namespace?: string) => readonly Obj[];
  readonly network: { readonly serviceCidr: string; readonly nodePortRange: readonly [number, number] };
  /** Names that a custom resource may not take again: `plural.group` → who has it. */
  readonly servedBy: (group: string, plural: string) => Kind | undefined;
  /** Who writes; absent where nobody does from outside. */
  readonly user?: { readonly username: string; readonly groups: readonly string[] };
  /** "" for the object itself. */
  readonly subresource: string;
}

/**
 * One kind of the API: names, versions, subresources, and the few functions in which it differs from others.
 * Functions that take a draft change it in place.
 */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The first is preferred. */
  readonly served: readonly ServedVersion[];
  /** The form in which objects are kept and strategies see them. */
  readonly stored: { readonly group: string; readonly version: string };
  readonly verbs: readonly string[];
  /** Further subresources, such as `log`; each is served by a file under `rest/`. */
  readonly subresources: readonly Subresource[];
  readonly status: boolean;
  readonly scale?: ScalePaths;
  /** `metadata.generation` counts changes of everything but metadata and status. */
  readonly generation: boolean;
  /** A write without a resourceVersion overwrites (built-in kinds); custom resources refuse it. */
  readonly unconditionalUpdate: boolean;
  readonly custom: boolean;
  readonly nameRule: "subdomain" | "label" | "service" | "path";
  readonly defaults?: (draft: Obj) => void;
  readonly prepareCreate?: (draft: Obj, context: StrategyContext) => void;
  readonly prepareUpdate?: (draft: Obj, old: Obj, context: StrategyContext) => void;
  readonly validate?: (object: Obj, context: StrategyContext) => FieldError[];
  readonly validateUpdate?: (object: Obj, old: Obj, context: StrategyContext) => FieldError[];
  /** After validation, just before the write: what takes something from a shared range. */
  readonly allocate?: (draft: Obj, old: Obj | undefined, context: StrategyContext) => FieldError[];
  /** Seconds a deletion waits for somebody to confirm it; absent: no kind of grace. */
  readonly grace?: (object: Obj, asked: number | undefined) => number;
  /** Whoever creates it may give its status (nodes register themselves with theirs). */
  readonly statusOnCreate: boolean;
  /** Marks an object whose deletion was asked for but has to wait. */
  readonly markDeleting?: (draft: Obj) => void;
  /** True while something other than `metadata.finalizers` keeps a deleted object. */
  readonly held?: (object: Obj) => boolean;
  /** Beyond `metadata.name` and `metadata.namespace`. */
  readonly selectable: readonly string[];
  readonly selectableValue?: (object: Obj, field: string) => string;
  readonly table?: TableColumns;
}

interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

type Names = Pick<Kind, "kind" | "plural"> & { readonly group: string; readonly version?: string };

interface KindParts<T>
  extends Partial<
    Omit<
      Kind,
      | "kind"
      | "plural"
      | "defaults"
      | "prepareCreate"
      | "prepareUpdate"
      | "validate"
      | "validateUpdate"
      | "allocate"
      | "grace"
      | "markDeleting"
      | "held"
      | "selectableValue"
      | "table"
    >
  > {
  readonly defaults?: (draft: Mutable<T>) => void;
  readonly prepareCreate?: (draft: Mutable<T>, context: StrategyContext) => void;
  readonly prepareUpdate?: (draft: Mutable<T>, old: T, context: StrategyContext) => void;
  readonly validate?: (object: T, context: StrategyContext) => FieldError[];
  readonly validateUpdate?: (object: T, old: T, context: StrategyContext) => FieldError[];
  readonly allocate?: (draft: Mutable<T>, old: T | undefined, context: StrategyContext) => FieldError[];
  readonly grace?: (object: T, asked: number | undefined) => number;
  readonly markDeleting?: (draft: Mutable<T>) => void;
  readonly held?: (object: T) => boolean;
  readonly selectableValue?: (object: T, field: string) => string;
  readonly table?: { readonly columns: readonly Column[]; readonly cells: (object: T) => Cell[] };
}

/** A kind with the usual answers filled in; `T` is the type its functions see (unchecked, as JSON is). */
export function defineKind<T = Obj>(names: Names, parts: KindParts<T> = {}): Kind {
  const { group, version = "v1", kind, plural } = names;
  return {
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    served: [{ group, version }],
    stored: { group, version },
    verbs: allVerbs,
    subresources: [],
    status: false,
    generation: false,
    statusOnCreate: false,
    unconditionalUpdate: true,
    custom: false,
    nameRule: "subdomain",
    selectable: [],
    ...(parts as unknown as Partial<Kind>),
  };
}

/** The name of the kind's table in the store. */
export function storageKey(kind: Kind): string {
  return kind.stored.group === "" ? kind.plural : `${kind.plural}.${kind.stored.group}`;
}
