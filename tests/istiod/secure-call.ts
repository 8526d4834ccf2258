import { X509Certificate } from "node:crypto";
import http2 from "node:http2";
import { FrameSplitter } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import type { ControlPlane } from "./control-plane.ts";

const createCertificatePath = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
const ads = "/envoy.service.discovery.v3.AggregatedDiscoveryService";
export const deltaPath: string = `${ads}/DeltaAggregatedResources`;

/** With what a call to 15012 says who it is. */
export interface Caller {
  readonly token?: string;
  /** PEM, for TLS. */
  readonly cert?: string;
  readonly key?: string;
  readonly isPlain?: boolean;
}

/** For tests: an open call. */
export interface OpenCall {
  /** The next message, or the status as `CODE TEXT` when the call is over. */
  next(): Promise<Uint8Array | string>;
  send(message: Uint8Array): void;
  close(): void;
}

/** For tests: opens a call with one message, on 15012 or, without TLS, on 15010. */
export function openCall(
  plane: ControlPlane,
  path: string,
  { token, isPlain, ...tls }: Caller,
  message: Uint8Array,
): OpenCall {
  const { secureXds, xds } = plane.istiod.ports;
  const session = isPlain
    ? http2.connect(`http://127.0.0.1:${xds}`)
    : http2.connect(`https://localhost:${secureXds}`, { ca: plane.istiod.rootPem(), ...tls });
  const arrived: (Uint8Array | string)[] = [];
  let wake = (): void => {};
  const put = (what: Uint8Array | string): void => {
    arrived.push(what);
    wake();
  };
  session.on("error", (error) => put(`session: ${error.message}`));
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  });
  const frames = new FrameSplitter(16 * 1024 * 1024);
  const ended = (headers: http2.IncomingHttpHeaders): void => {
    if (headers["grpc-status"] !== undefined)
      put(`${String(headers["grpc-status"])} ${String(headers["grpc-message"])}`);
  };
  stream.on("response", ended);
  stream.on("trailers", ended);
  stream.on("error", (error) => put(`stream: ${error.message}`));
  stream.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) put(frame);
  });
  const send = (sent: Uint8Array): void => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(sent.length, 1);
    stream.write(Buffer.concat([header, sent]));
  };
  send(message);
  return {
    send,
    async next() {
      while (arrived.length === 0) {
        await new Promise<void>((done) => {
          wake = done;
        });
      }
      return arrived.shift() ?? "";
    },
    close: () => session.destroy(),
  };
}

/** For tests: the first answer of such a call. */
export async function callOnce(
  plane: ControlPlane,
  path: string,
  caller: Caller,
  message: Uint8Array,
): Promise<Uint8Array | string> {
  const call = openCall(plane, path, caller, message);
  try {
    return await call.next();
  } finally {
    call.close();
  }
}

/** A service account's token. */
export async function tokenOf(
  { client }: ControlPlane,
  namespace: string,
  name: string,
  audience: string = "istio-ca",
): Promise<string> {
  const { status } = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ spec: { audiences: [audience] } }),
  });
  return status.token;
}

/** For tests: asks for a certificate. The certificates of the answer, leaf first; a status as text. */
export async function certify(
  plane: ControlPlane,
  caller: Caller,
  csr: string,
  seconds: number = 3600,
): Promise<readonly X509Certificate[] | string> {
  const message = new WireWriter().string(1, csr).varint(3, seconds).finish();
  const answer = await callOnce(plane, createCertificatePath, caller, message);
  if (typeof answer === "string") return answer;
  return fieldsOf(answer, 1).map((pem) => new X509Certificate(pem));
}

/** For tests: the trust anchors in a message of a stream of {@link deltaPath}. */
export function anchorsIn(message: Uint8Array | string): readonly string[] {
  if (typeof message === "string") throw new Error(message);
  const inside = (bytes: Uint8Array): Uint8Array => fieldsOf(bytes, 2)[0] ?? new Uint8Array();
  return fieldsOf(inside(inside(inside(message))), 34).map((pem) => Buffer.from(pem).toString());
}

/** The first request of a delta stream: a sidecar (or `router`) of this namespace asks for a type, or these names of it. */
export function firstRequest(
  namespace: string,
  typeUrl: string,
  names: readonly string[] = [],
  type: string = "sidecar",
): Uint8Array {
  const id = `${type}~10.1.1.1~a.${namespace}~${namespace}.svc.cluster.local`;
  const request = new WireWriter().message(1, new WireWriter().string(1, id)).string(2, typeUrl);
  for (const name of names) request.string(3, name);
  return request.finish();
}

/** What of a message's fields has this number, in order. */
export function fieldsOf(message: Uint8Array, field: number): readonly Uint8Array[] {
  const reader = new WireReader(message);
  const found: Uint8Array[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === field) found.push(reader.bytes());
    else reader.skip(tag.type);
  }
  return found;
}
