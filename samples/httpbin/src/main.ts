import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { httpbin } from "./httpbin.ts";

/* Answers as it is asked to, for trying out a mesh. It stands for go-httpbin and takes its settings: -port and -host, or PORT and HOST. */

const { env } = process;
const { values } = parseArgs({
  options: {
    port: { type: "string", default: env["PORT"] ?? "8080" },
    // All addresses, IPv6 where there is any.
    host: { type: "string", default: env["HOST"] ?? "" },
  },
  // As the original, which is written in Go: -port 8080.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--")),
});

const server = createServer({ keepAliveTimeout: 65 * 60_000 }, httpbin());
server.listen({ port: Number(values.port), ...(values.host === "" ? {} : { host: values.host }) }, () => {
  process.stdout.write(`go-httpbin listening on ${values.host}:${values.port}\n`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));
