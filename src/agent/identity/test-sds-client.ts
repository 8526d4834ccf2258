import http2 from "node:http2";
import { connect } from "node:net";
import { FrameSplitter, frameHeader } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";

/** A secret as a client of SDS reads it, PEM. */
export interface ReceivedSecret {
  readonly chain?: string;
  readonly key?: string;
  readonly roots?: string;
  readonly crl?: string;
}

/** For tests: follows secrets as Envoy does, one stream for all. */
export interface SdsClient {
  /** The last of each name. */
  readonly secrets: ReadonlyMap<string, ReceivedSecret>;
  /** How often one came. */
  readonly received: number;
  close(): void;
}

export function followSecrets(socket: string, names: readonly string[]): SdsClient {
  const session = http2.connect("http://agent", { createConnection: () => connect(socket) });
  const stream = session.request({
    ":method": "POST",
    ":path": "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
    "content-type": "application/grpc",
    te: "trailers",
  });
  session.on("error", () => {});
  stream.on("error", () => {});
  const secrets = new Map<string, ReceivedSecret>();
  let received = 0;
  const send = (request: WireWriter): void => {
    for (const name of names) request.string(3, name);
    const message = request.finish();
    stream.write(frameHeader(message.length));
    stream.write(message);
  };
  const frames = new FrameSplitter(1024 * 1024);
  stream.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) {
      const fields = fieldsOf(frame);
      for (const any of fields.get(2) ?? []) {
        const secret = fieldsOf(first(fieldsOf(any), 2));
        secrets.set(text(secret, 1), decodeSecret(secret));
        received += 1;
      }
      send(new WireWriter().string(1, text(fields, 1)).string(5, text(fields, 5)));
    }
  });
  send(new WireWriter());
  return {
    secrets,
    get received() {
      return received;
    },
    close: () => session.destroy(),
  };
}

type Fields = ReadonlyMap<number, readonly Uint8Array[]>;

function decodeSecret(secret: Fields): ReceivedSecret {
  const inline = (message: Uint8Array, field: number): string => text(fieldsOf(first(fieldsOf(message), field)), 2);
  const [certificate] = secret.get(2) ?? [];
  if (certificate) return { chain: inline(certificate, 1), key: inline(certificate, 2) };
  const context = first(secret, 4);
  return { roots: inline(context, 1), crl: inline(context, 7) };
}

function first(fields: Fields, field: number): Uint8Array {
  return fields.get(field)?.[0] ?? new Uint8Array();
}

function text(fields: Fields, field: number): string {
  return Buffer.from(first(fields, field)).toString();
}

function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, Uint8Array[]>();
  const reader = new WireReader(bytes);
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.type !== 2) {
      reader.skip(tag.type);
      continue;
    }
    fields.set(tag.field, [...(fields.get(tag.field) ?? []), reader.bytes()]);
  }
  return fields;
}
