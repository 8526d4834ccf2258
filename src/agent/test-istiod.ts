import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { readRequest } from "#x509/request.ts";
import { FrameSplitter, frameHeader } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";

/** For tests: an xDS server that answers every delta subscription with nothing, and a CA that signs for anybody, over plaintext HTTP/2. */
export interface TestIstiod {
  readonly port: number;
  readonly authorization: (string | undefined)[];
  readonly streams: number;
  stop(): Promise<void>;
}

const typeUrls = ["envoy.config.cluster.v3.Cluster", "envoy.config.listener.v3.Listener"].map(
  (name) => `type.googleapis.com/${name}`,
);

/** A string as field `number` of a protobuf message, under 128 bytes. */
function field(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([number * 8 + 2, text.length]), Buffer.from(text)]);
}

/** DeltaDiscoveryResponse: version (1), type URL (4), nonce (5); no resources. */
function emptyResponse(typeUrl: string, nonce: string): Buffer {
  const message = Buffer.concat([field(1, "1"), field(4, typeUrl), field(5, nonce)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export async function startTestIstiod(port = 0): Promise<TestIstiod> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  const authorization: (string | undefined)[] = [];
  const state = { streams: 0 };
  const root = await createSelfSignedRoot("test", new Date());
  const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });

  /** The answer to an IstioCertificateRequest. */
  function certificateFor(message: Uint8Array): Uint8Array {
    const reader = new WireReader(message);
    reader.next();
    const { publicKey } = readRequest(reader.string());
    const leaf = issue(authority, {
      publicKey,
      names: [{ uri: "spiffe://test/ns/default/sa/default" }],
      lifetimeMs: 3_600_000,
      now: new Date(),
    });
    return new WireWriter().string(1, leaf).string(1, authority.rootPem).finish();
  }

  function sign(stream: http2.ServerHttp2Stream): void {
    const frames = new FrameSplitter(65_536);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("data", (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        const answer = certificateFor(frame);
        stream.write(frameHeader(answer.length));
        stream.end(answer);
      }
    });
  }

  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    if (headers[":path"]?.endsWith("/CreateCertificate")) return sign(stream);
    state.streams += 1;
    authorization.push(headers.authorization);
    const answered = new Set<string>();
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.on("data", (chunk: Buffer) => {
      for (const typeUrl of typeUrls)
        if (chunk.includes(typeUrl) && !answered.has(typeUrl)) {
          answered.add(typeUrl);
          stream.write(emptyResponse(typeUrl, `n${answered.size}`));
        }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    authorization,
    get streams() {
      return state.streams;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}
