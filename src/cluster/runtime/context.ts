import type { KubeClient } from "#kube/client.ts";
import type { KubeObject } from "#kube/object.ts";
import type { Log } from "#log/log.ts";
import type { CompileCache } from "./compile-cache.ts";
import type { Crun } from "./crun.ts";
import type { DownwardFacts } from "./downward.ts";
import type { DnsFacts } from "./etc-files.ts";
import type { Gate } from "./gate.ts";
import type { HostLimits } from "./host-limits.ts";
import type { PasswdEntry } from "./identity.ts";
import type { Layout } from "./layout.ts";
import type { OciMount } from "./oci-spec.ts";
import type { ImageCatalogue, PodNetwork } from "./seams.ts";

/** Structural part of `controllers/events.ts`' recorder. */
export interface RuntimeEvents {
  event(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}

/** What all pods of a runtime share. */
export interface RuntimeContext {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly clusterName: string;
  readonly layout: Layout;
  readonly network: PodNetwork;
  readonly images: ImageCatalogue;
  readonly events: RuntimeEvents;
  readonly crun: Crun;
  readonly dns: DnsFacts;
  readonly apiServiceHost: string;
  readonly capacity: DownwardFacts["capacity"];
  readonly limits: HostLimits;
  readonly users: readonly PasswdEntry[];
  /** Layers above the host's root, the upper first. */
  readonly mask: readonly string[];
  /** Weft's own code and programs: the same in every container. */
  readonly codeBinds: readonly OciMount[];
  readonly compileCache: CompileCache | undefined;
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Bounds how many containers are being started at once. */
  readonly starts: Gate;
  readonly log: Log;
}
