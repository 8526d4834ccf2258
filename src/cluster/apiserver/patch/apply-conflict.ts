import type { Manager } from "./managed-fields.ts";

export interface ApplyConflict {
  readonly manager: Pick<Manager, "manager" | "operation" | "apiVersion" | "subresource">;
  /** `.spec.replicas` */
  readonly path: string;
}

/** Server-side apply would change what others own: 409, reason `Conflict`, with `causes` as details. */
export class ApplyConflictError extends Error {
  override readonly name = "ApplyConflictError";
  readonly conflicts: readonly ApplyConflict[];
  readonly causes: readonly {
    readonly reason: "FieldManagerConflict";
    readonly message: string;
    readonly field: string;
  }[];

  constructor(conflicts: readonly ApplyConflict[]) {
    super(messageOf(conflicts));
    this.conflicts = conflicts;
    this.causes = conflicts.map((conflict) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${printed(conflict)}`,
      field: conflict.path,
    }));
  }
}

function printed({ manager }: ApplyConflict): string {
  const name = JSON.stringify(manager.manager);
  const subresource = manager.subresource ? ` with subresource ${JSON.stringify(manager.subresource)}` : "";
  return manager.operation === "Apply" ? name + subresource : `${name}${subresource} using ${manager.apiVersion}`;
}

function messageOf(conflicts: readonly ApplyConflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1)
    return `Apply failed with 1 conflict: conflict with ${printed(first)}: ${first.path}`;
  const byManager = Map.groupBy(conflicts, printed);
  const parts = [...byManager.keys()].sort().map((name) => {
    const lines = (byManager.get(name) ?? []).map(({ path }) => `\n- ${path}`).sort();
    return `conflicts with ${name}:${lines.join("")}`;
  });
  return `Apply failed with ${conflicts.length} conflicts: ${parts.join("\n")}`;
}
