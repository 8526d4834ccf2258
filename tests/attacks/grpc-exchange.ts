import http2 from "node:http2";

export interface GrpcTarget {
  readonly port: number;
  /** PEM of the root that the server's certificate is from; absent for plaintext. */
  readonly ca?: string;
  readonly token?: string;
  /** The client's own certificate. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GrpcAnswer {
  /** The first message, unless the call ended without one. */
  readonly message?: Buffer;
  /** `grpc-status`, and `grpc-message`; undefined while the call goes on. */
  readonly status?: number;
  readonly reason?: string;
  /** What HTTP/2 or the connection broke with. */
  readonly error?: string;
}

/** A message with its length in front, as gRPC has it on the wire. */
export function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Calls a method with raw bytes; resolves with the first message, or with how the call ended. Never rejects. */
export function grpcExchange(target: GrpcTarget, path: string, bytes: Uint8Array): Promise<GrpcAnswer> {
  const { port, ca, token, certificate, headers } = target;
  return new Promise<GrpcAnswer>((resolve) => {
    const session = ca
      ? http2.connect(`https://localhost:${port}`, { ca, ...certificate })
      : http2.connect(`http://localhost:${port}`);
    const done = (answer: GrpcAnswer): void => {
      clearTimeout(patience);
      session.destroy();
      resolve(answer);
    };
    const patience = setTimeout(() => done({ error: "no answer in 10 s" }), 10_000);
    session.on("error", (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message }));
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    });
    const ended = (fields: http2.IncomingHttpHeaders): void => {
      const status = fields["grpc-status"];
      if (status !== undefined)
        done({ status: Number(status), reason: decodeURIComponent(String(fields["grpc-message"] ?? "")) });
    };
    stream.on("response", ended);
    stream.on("trailers", ended);
    stream.on("error", (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message }));
    stream.on("close", () => done({ error: `stream closed with ${stream.rstCode}` }));
    let received = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length >= 5 ? received.readUInt32BE(1) : Number.POSITIVE_INFINITY;
      if (received.length - 5 >= length) done({ message: received.subarray(5, 5 + length) });
    });
    stream.write(bytes);
  });
}
