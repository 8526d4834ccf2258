import type { Mesh } from "./mesh.ts";
import type { Message } from "./message.ts";

/** Looks for one kind of mistake. Pure. */
export interface Analyzer {
  /** Istio's name of it, `package.Analyzer`. */
  readonly name: string;
  readonly description: string;
  /**
   * `cluster`: it looks at services, pods, nodes or namespaces, and without a cluster it would call missing what just isn't in
   * the files. Istio: skipped analyzers.
   */
  readonly needs: "config" | "cluster";
  readonly analyze: (mesh: Mesh) => readonly Message[];
}
