import { type ClientHttp2Session, connect } from "node:http2";
import { frameHeader } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import { typeUrls } from "#xds/resource.ts";
import { createMessageReader } from "./message-reader.ts";
import { podAt, type Size } from "./size.ts";
import { namedBy } from "./wire-names.ts";

/** What a sidecar tells about one response. */
interface Arrival {
  readonly typeUrl: string;
  readonly bytes: number;
  readonly names: readonly string[];
  readonly removed: number;
}

export interface SidecarOptions {
  readonly port: number;
  readonly size: Size;
  readonly index: number;
  readonly onArrival: (arrival: Arrival) => void;
  /** All four types have come. */
  readonly onConfigured: () => void;
  readonly onError: (error: Error) => void;
}

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** As Weft's agent has it, bytes. */
const window = 1024 * 1024;
/** After one type has come, Envoy asks for the next; what it names is then asked for by name. */
const next = new Map<string, string>([
  [typeUrls.cluster, typeUrls.endpoint],
  [typeUrls.endpoint, typeUrls.listener],
  [typeUrls.listener, typeUrls.route],
]);

/** By a resource's version: what it names. The same for all sidecars. */
const known = new Map<string, readonly string[]>();

/** A delta-ADS client that does what Envoy does with the stream, and nothing with the configuration. */
export function startSidecar(options: SidecarOptions): ClientHttp2Session {
  const { port, index, size, onArrival, onConfigured, onError } = options;
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: window, enablePush: false } });
  session.once("connect", () => session.setLocalWindowSize(window));
  session.on("error", onError);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", onError);
  stream.on("close", () => onError(new Error(`sidecar ${index}: the stream ended`)));
  const asked = new Map<string, ReadonlySet<string>>();
  let first: WireWriter | undefined = node(size, index);

  function send(typeUrl: string, nonce: string, subscribe: readonly string[]): void {
    const request = new WireWriter();
    if (first) request.message(1, first);
    first = undefined;
    request.string(2, typeUrl);
    for (const name of subscribe) request.string(3, name);
    const bytes = request.string(6, nonce).finish();
    stream.write(Buffer.concat([frameHeader(bytes.length), bytes]));
  }

  /** Asks for names that it doesn't have yet. */
  function ask(typeUrl: string, names: Iterable<string>): void {
    const before = asked.get(typeUrl);
    const fresh = new Set(names).difference(before ?? new Set());
    if (before !== undefined && fresh.size === 0) return;
    asked.set(typeUrl, fresh.union(before ?? new Set()));
    // Envoy keeps the names it is about to ask for in order.
    send(typeUrl, "", [...fresh].sort());
  }

  function take(message: Uint8Array): void {
    const { typeUrl, nonce, names, removed, named } = read(message);
    send(typeUrl, nonce, []);
    onArrival({ typeUrl, bytes: message.length, names, removed });
    const following = next.get(typeUrl);
    if (following === undefined) return onConfigured();
    // Listeners are asked for all at once.
    ask(following, following === typeUrls.listener ? [] : named);
  }

  stream.on("data", createMessageReader(take));
  asked.set(typeUrls.cluster, new Set());
  send(typeUrls.cluster, "", []);
  return session;
}

/** A `DeltaDiscoveryResponse`, as much as is needed of it. */
function read(message: Uint8Array) {
  const reader = new WireReader(message);
  const names: string[] = [];
  const resources: { readonly version: string; readonly any: Uint8Array }[] = [];
  let typeUrl = "";
  let nonce = "";
  let removed = 0;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 2) {
      const resource = readResource(reader.bytes());
      names.push(resource.name);
      resources.push(resource);
    } else if (tag.field === 4) typeUrl = reader.string();
    else if (tag.field === 5) nonce = reader.string();
    else {
      if (tag.field === 6) removed += 1;
      reader.skip(tag.type);
    }
  }
  const named = new Set<string>();
  if (next.has(typeUrl) && typeUrl !== typeUrls.endpoint) {
    for (const { version, any } of resources) {
      const found = known.get(version) ?? namedBy(typeUrl, any);
      known.set(version, found);
      for (const name of found) named.add(name);
    }
  }
  return { typeUrl, nonce, names, removed, named };
}

function readResource(bytes: Uint8Array) {
  const reader = new WireReader(bytes);
  const resource = { name: "", version: "", any: bytes };
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) resource.version = reader.string();
    else if (tag.field === 2) resource.any = reader.bytes();
    else if (tag.field === 3) resource.name = reader.string();
    else reader.skip(tag.type);
  }
  return resource;
}

/** A `Node`, as Weft's agent sends it. */
function node(size: Size, index: number): WireWriter {
  const { name, namespace, app, ip } = podAt(size, index);
  const text = (value: string): WireWriter => new WireWriter().string(3, value);
  const field = (key: string, value: WireWriter): WireWriter => new WireWriter().string(1, key).message(2, value);
  const labels = new WireWriter().message(5, new WireWriter().message(1, field("app", text(app))));
  const metadata = new WireWriter()
    .message(1, field("NAMESPACE", text(namespace)))
    .message(1, field("CLUSTER_ID", text("Kubernetes")))
    .message(1, field("LABELS", labels));
  return new WireWriter()
    .string(1, `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`)
    .string(2, `${app}.${namespace}`)
    .message(3, metadata);
}
