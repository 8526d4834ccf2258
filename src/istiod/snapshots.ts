import type { Log } from "#log/log.ts";
import type { Attachment } from "#snapshot/attachment.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { discovered, selectsOthers } from "#snapshot/discovery.ts";
import { withEndpoints } from "#snapshot/endpoints.ts";
import {
  type ChangeSet,
  configTypes,
  type GeneratedConfig,
  type InputObjects,
  type InputType,
  type MeshInput,
} from "#snapshot/input.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import type { PushScope } from "#xds/push-scope.ts";
import { createDebounce } from "./debounce.ts";
import type { GatewayApi } from "./gateway-api/gateway-api.ts";
import type { MeshObjects } from "./mesh-objects.ts";
import type { MeshSettings } from "./mesh-settings.ts";
import type { KeyKeeper } from "./token-keys/key-keeper.ts";

/** Changes of these alone don't touch anything but endpoints. */
const endpointTypes: readonly InputType[] = ["endpointSlices", "pods"];
const allTypes: readonly InputType[] = [...endpointTypes, "services", "nodes", "namespaces", ...configTypes];

export interface SnapshotsOptions {
  readonly objects: MeshObjects;
  readonly settings: MeshSettings;
  readonly gatewayApi: Pick<GatewayApi, "convert" | "onChange" | "watchesEndpoints">;
  readonly tokenKeys: Pick<KeyKeeper, "current" | "onChange">;
  readonly attachment: Attachment;
  readonly severalAuthorizers: boolean;
  readonly clusterDomain: string;
  readonly clusterId: string;
  readonly debounceMs: { readonly quiet: number; readonly longest: number };
  readonly log: Log;
  /**
   * There is a new snapshot. `scope` is what follows from it for everybody, if anything; `pods`: keys of pods that came, changed or
   * went since the last one.
   */
  readonly onSnapshot: (snapshot: Snapshot, scope: PushScope | undefined, pods: ReadonlySet<string>) => void;
  /** A change came in, for metrics. */
  readonly onEvent?: (type: InputType) => void;
}

export interface Snapshots {
  current(): Snapshot;
  /** Takes in what changed at once. */
  refresh(): void;
  stop(): void;
}

/** Istio: endpoint updates skip the debounce; what follows the first one closely goes together (ms). */
const endpointLane = { quiet: 10, longest: 100 };
/** What Gateways say of where they can be reached follows endpoints in its own time (ms). */
const statusLane = { quiet: 200, longest: 1_000 };
const noKeys: ReadonlySet<string> = new Set();
/** Objects of every type came or went, as other namespaces are looked at. */
const everything: ChangeSet = Object.fromEntries(allTypes.map((type) => [type, new Set(["*"])]));

/**
 * Keeps the snapshot up to date. Two lanes: any change of configuration waits for a time of quiet and rebuilds; endpoints alone
 * go at once. To be started when objects and settings are synced.
 */
export function keepSnapshots(options: SnapshotsOptions): Snapshots {
  const { objects, settings, gatewayApi, log, onSnapshot } = options;

  function input(generated: GeneratedConfig): MeshInput {
    const { clusterDomain, clusterId, attachment, severalAuthorizers } = options;
    const meshConfig = settings.meshConfig();
    const tokenKeys = options.tokenKeys.current();
    const own = { tokenKeys, attachment, severalAuthorizers, generated, meshConfig, clusterDomain, clusterId };
    return Object.freeze({ ...visible(), ...own });
  }

  /** What the mesh looks at. */
  function visible(): InputObjects {
    const all = objects.current();
    return discovered(all, all.namespaces, settings.meshConfig());
  }

  objects.takeChanges(allTypes);
  let snapshot = buildSnapshot(undefined, input(gatewayApi.convert(visible())), {});
  /** Whether more is asked for than to look at the Gateway API again. */
  let isAsked = false;
  log.info("first snapshot", { services: snapshot.services.length, rules: snapshot.rules.length });

  const { quiet } = options.debounceMs;
  const configLane = createDebounce({ ...options.debounceMs, quietAtFirst: quiet / 4, run: rebuild });
  const endpointsLane = createDebounce({ ...endpointLane, leading: true, run: updateEndpoints });

  const gatewayLane = createDebounce({ ...statusLane, run: () => void gatewayApi.convert(visible()) });

  function rebuild(waited: number): void {
    const generated = gatewayApi.convert(visible());
    // Most of what the conversion hangs on changes nothing in what comes out of it.
    if (!isAsked && generated === snapshot.input.generated) return;
    isAsked = false;
    const changes = objects.takeChanges(allTypes);
    const before = performance.now();
    const next = input(generated);
    snapshot = buildSnapshot(snapshot, next, selectsOthers(snapshot.input, next) ? everything : changes);
    const ms = Math.round(performance.now() - before);
    const counts = Object.fromEntries(Object.entries(changes).map(([type, keys]) => [type, keys.size]));
    log.info("configuration changed", { generation: snapshot.generation, ...counts, waited: Math.round(waited), ms });
    for (const { resource, field, message } of snapshot.problems)
      log.debug("resource is not in effect", { resource, field, error: message });
    onSnapshot(snapshot, "all", changes.pods ?? noKeys);
  }

  function updateEndpoints(): void {
    const changes = objects.takeChanges(endpointTypes);
    if (Object.keys(changes).length === 0) return;
    if (gatewayApi.watchesEndpoints()) gatewayLane.call();
    const change = withEndpoints(snapshot, input(snapshot.input.generated), changes);
    snapshot = change.snapshot;
    if (change.hosts.size > 0) log.debug("endpoints changed", { hosts: [...change.hosts].slice(0, 20) });
    const scope = change.full ? "all" : change.hosts.size > 0 ? "endpoints" : undefined;
    onSnapshot(snapshot, scope, changes.pods ?? noKeys);
  }

  objects.onChange((type) => {
    options.onEvent?.(type);
    if (endpointTypes.includes(type)) endpointsLane.call();
    else ask();
  });
  settings.onChange((what) => {
    if (what === "mesh") ask();
  });
  gatewayApi.onChange(() => configLane.call());
  options.tokenKeys.onChange(ask);

  function ask(): void {
    isAsked = true;
    configLane.call();
  }

  return {
    current: () => snapshot,
    refresh() {
      isAsked = true;
      rebuild(0);
    },
    stop() {
      configLane.stop();
      endpointsLane.stop();
      gatewayLane.stop();
    },
  };
}
