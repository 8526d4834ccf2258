import { randomBytes } from "node:crypto";
import type { Log } from "#log/log.ts";
import { type AdsStream, createAdsStream } from "./ads-stream.ts";
import type { XdsClient } from "./client.ts";
import type { GrpcCall, GrpcMethod } from "./grpc-call.ts";
import { GrpcError, grpcCode } from "./grpc-status.ts";
import type { XdsNode } from "./node.ts";
import { createPushQueue } from "./push-queue.ts";
import type { PushScope } from "./push-scope.ts";
import type { VariantName } from "./variant.ts";

export interface AdsServerOptions {
  readonly log: Log;
  /** Identifies this control plane in responses. */
  readonly controlPlane: string;
  /** Called for a new call before its first request; rejects with a GrpcError to refuse it. */
  readonly authenticate: (call: GrpcCall) => void | Promise<void>;
  /** Called with the first request's node; rejects with a GrpcError to refuse it. */
  readonly open: (node: XdsNode, call: GrpcCall) => XdsClient | Promise<XdsClient>;
  readonly maxStreams?: number;
  /** Proxies that are pushed to at once. Istio: PILOT_PUSH_THROTTLE. */
  readonly pushesAtOnce?: number;
}

/** A stream as `/debug` shows it. */
export interface Connection {
  readonly stream: AdsStream;
  readonly peer: string;
  readonly connectedAt: Date;
}

export interface AdsServer {
  /** To be served by a gRPC server; one AdsServer may serve several ports. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Tells every client (that `only` takes in) that there is a new view. */
  push(scope: PushScope, only?: (client: XdsClient) => boolean): void;
  connections(): Iterable<Connection>;
  /** Proxies that wait for their push. */
  readonly queued: number;
  stop(): void;
}

const service = "/envoy.service.discovery.v3.AggregatedDiscoveryService";
/** How often clients that answer nothing are looked at, ms. */
const patienceCheck = 1_000;

/** The aggregated discovery service, in both variants. */
export function createAdsServer(options: AdsServerOptions): AdsServer {
  const { log, maxStreams = 20_000, pushesAtOnce = 100 } = options;
  const connections = new Set<Connection>();
  const queue = createPushQueue<AdsStream>({ limit: pushesAtOnce, run: (stream) => stream.runPush() });
  const patience = setInterval(() => {
    for (const { stream } of connections) if (stream.isDelayed) queue.add(stream);
  }, patienceCheck);
  patience.unref();

  function method(variant: VariantName): GrpcMethod {
    return async (call) => {
      if (connections.size >= maxStreams)
        throw new GrpcError(grpcCode.resourceExhausted, `more than ${maxStreams} streams; try another istiod`);
      await options.authenticate(call);
      const connectionId = randomBytes(6).toString("hex");
      const streamLog = log.with({ peer: call.peer, connection: connectionId });
      const stream = createAdsStream(variant, {
        log: streamLog,
        controlPlane: options.controlPlane,
        connectionId,
        open: (node) => options.open(node, call),
        send: (pieces) => call.send(pieces),
        wantPush: () => queue.add(stream),
        onPushDone: () => queue.done(stream),
        now: () => performance.now(),
      });
      const connection = { stream, peer: call.peer, connectedAt: new Date() };
      connections.add(connection);
      streamLog.debug("stream opened", { variant });
      return {
        onMessage: (message) => stream.receive(message),
        onHalfClose: () => call.end(grpcCode.ok),
        onDrain: () => stream.drained(),
        onClose() {
          connections.delete(connection);
          stream.close();
          streamLog.debug("stream closed", { proxy: stream.client?.id });
        },
      };
    };
  }

  return {
    methods: new Map([
      [`${service}/StreamAggregatedResources`, method("sotw")],
      [`${service}/DeltaAggregatedResources`, method("delta")],
    ]),
    push(scope, only) {
      for (const { stream } of connections) if (stream.client && (!only || only(stream.client))) stream.schedule(scope);
    },
    connections: () => connections,
    get queued() {
      return queue.waiting;
    },
    stop() {
      clearInterval(patience);
    },
  };
}
