import { shortTypeName } from "#xds/resource.ts";
import { type LoadAnswer, type LoadOrder, monotonicMs } from "./load-messages.ts";
import { startSidecar } from "./sidecar.ts";
import { concerned, type Size } from "./size.ts";

/* The load client: many sidecars in one process. It takes orders over the channel to its parent. */

/** Connections that are opened in one turn: as many as come at once when a control plane restarts. */
const atOnce = 50;

let order: LoadOrder | undefined;
let all: Size | undefined;
/** Sidecars that are waited for. */
let expected = 0;
let bytes = 0;
let removed = 0;
let resources: Record<string, number> = {};
let times = new Map<number, number>();

function answer(): void {
  order = undefined;
  const told: LoadAnswer = { times: [...times.values()], bytes, resources, removed };
  process.send?.(told);
  times = new Map();
  bytes = removed = 0;
  resources = {};
}

function had(index: number): void {
  if (times.has(index)) return;
  times.set(index, monotonicMs());
  if (times.size === expected) answer();
}

function fail(error: Error): void {
  process.stderr.write(`load: ${error.stack}\n`);
  process.exit(1);
}

async function connect({ port, size }: LoadOrder & { do: "connect" }): Promise<void> {
  all = size;
  expected = size.proxies;
  for (let index = 0; index < size.proxies; index++) {
    startSidecar({
      port,
      size,
      index,
      onError: fail,
      onConfigured: () => order?.do === "connect" && had(index),
      onArrival(arrival) {
        bytes += arrival.bytes;
        removed += arrival.removed;
        const type = shortTypeName(arrival.typeUrl);
        resources[type] = (resources[type] ?? 0) + arrival.names.length;
        if (order?.do === "expect" && arrival.typeUrl === order.typeUrl && arrival.names.includes(order.name))
          had(index);
      },
    });
    if (index % atOnce === atOnce - 1) await new Promise(setImmediate);
  }
}

function countConcerned(namespace: string): number {
  if (all === undefined) throw new Error("no sidecars are connected");
  const sees = concerned(all, namespace);
  return Array.from({ length: all.proxies }, (_, index) => index).filter(sees).length;
}

process.on("message", (message) => {
  order = message as LoadOrder;
  if (order.do === "connect") connect(order).catch(fail);
  else if (order.do === "expect") expected = countConcerned(order.namespace);
  else if (order.do === "count") answer();
});
process.on("disconnect", () => process.exit(0));
