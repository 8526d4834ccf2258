import { createServer } from "node:http";
import { createServer as createH2cServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { parseArgs } from "node:util";
import { grpcCheck } from "./grpc-check.ts";
import { httpCheck } from "./http-check.ts";

/*
 * Somebody that Envoy asks whether calls may pass, over HTTP and gRPC. It stands for Istio's sample ext-authz and takes its settings.
 */

const { values } = parseArgs({
  options: {
    http: { type: "string", default: "8000" },
    grpc: { type: "string", default: "9000" },
    allow_service_account: { type: "string", default: "a" },
  },
  // As the original, which is written in Go: -http 8000.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--")),
});

function serve(server: Server, port: string, what: string): void {
  server.listen(Number(port), () => {
    process.stdout.write(`Starting ${what} server at [::]:${(server.address() as AddressInfo).port}\n`);
  });
}

serve(createServer(httpCheck()), values.http, "HTTP");
serve(createH2cServer().on("stream", grpcCheck(values.allow_service_account)), values.grpc, "gRPC");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));
