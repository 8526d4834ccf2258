import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "#log/log.ts";
import type { GrpcMethod } from "#xds/grpc-call.ts";
import { createGrpcServer } from "#xds/grpc-server.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import { WireError } from "#xds/protobuf-wire.ts";
import { createSdsStream, type SdsVariant } from "./sds-stream.ts";
import type { SecretStore } from "./secret-store.ts";

const service = "/envoy.service.secret.v3.SecretDiscoveryService";
/** Envoy needs one connection, and a stream for each secret that it knows of. */
const limits = { messageBytes: 1024 * 1024, connections: 20, callsPerConnection: 2000 };

/** Only for the user that agent and Envoy run as. */
const socketMask = 0o177;

export interface SdsServer {
  close(): Promise<void>;
}

/** Serves secrets at a Unix socket. Rejects when it can't be opened. `onPush` counts. */
export async function startSdsServer(
  socket: string,
  store: SecretStore,
  log: Log,
  onPush: () => void = () => {},
): Promise<SdsServer> {
  const method =
    (variant: SdsVariant): GrpcMethod =>
    (call) => {
      const send = (pieces: readonly Uint8Array[]): void => {
        onPush();
        call.send(pieces);
      };
      const stream = createSdsStream({ variant, store, send, log });
      return {
        onMessage(message) {
          try {
            stream.receive(message);
          } catch (error) {
            if (!(error instanceof WireError || error instanceof RangeError)) throw error;
            throw new GrpcError(grpcCode.invalidArgument, error.message, { cause: error });
          }
        },
        onHalfClose: () => call.end(grpcCode.ok),
        onDrain() {},
        onClose: () => stream.close(),
      };
    };
  const methods = new Map([
    [`${service}/StreamSecrets`, method("sotw")],
    [`${service}/DeltaSecrets`, method("delta")],
  ]);
  const server = createGrpcServer({ methods, log, limits });
  mkdirSync(dirname(socket), { recursive: true });
  // The socket comes to be within this call, so nobody else's file gets this mask.
  const mask = process.umask(socketMask);
  const listening = server.listenAt(socket);
  process.umask(mask);
  await listening;
  return { close: () => server.shutdown() };
}
