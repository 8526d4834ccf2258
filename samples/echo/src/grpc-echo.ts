import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { field, grpcFrame } from "../../protobuf/message.ts";
import type { Answerer } from "./echo.ts";

const service = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/";
const methods: ReadonlySet<string> = new Set(["Echo", "EchoTwo"]);
/** gRPC: UNIMPLEMENTED. */
const unimplemented = "12";

/** The conformance tests' gRPC service: the answer names the method, the headers and the pod. */
export function grpcEcho(answerer: Answerer): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    const path = headers[":path"] ?? "";
    const status = path.startsWith(service) && methods.has(path.slice(service.length)) ? "0" : unimplemented;
    stream.on("error", () => {});
    stream.resume();
    stream.on("end", () => {
      if (stream.destroyed) return;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
      process.stdout.write(`Echoing back request made to ${path} to client\n`);
      stream.end(status === "0" ? grpcFrame(field(1, assertions(path, headers, answerer))) : undefined);
    });
  };
}

/** EchoResponse.assertions: 1 method, 2 headers, 3 authority, 4 context. */
function assertions(path: string, headers: IncomingHttpHeaders, answerer: Answerer): Buffer {
  const { HTTP2_HEADER_AUTHORITY } = constants;
  return Buffer.concat([
    field(1, path),
    ...Object.entries(headers)
      .filter(([name]) => !name.startsWith(":"))
      .flatMap(([name, value]) => (Array.isArray(value) ? value : [value ?? ""]).map((one) => [name, one] as const))
      .map(([name, value]) => field(2, Buffer.concat([field(1, name), field(2, value)]))),
    field(3, String(headers[HTTP2_HEADER_AUTHORITY] ?? "")),
    field(
      4,
      Buffer.concat([
        field(1, answerer.namespace),
        field(2, answerer.ingress),
        field(3, answerer.service),
        field(4, answerer.pod),
      ]),
    ),
  ]);
}
