// Answers every request with its version. On SIGTERM it does what a well-behaved server does: takes nothing new, answers what it has.
import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 8080);
const server = createServer((request, response) => {
  const ms = Number(new URL(request.url ?? "/", "http://server").searchParams.get("ms") ?? 0);
  setTimeout(() => response.end(process.env["VERSION"]), ms);
});
server.listen(port);
process.on("SIGTERM", () => server.close(() => process.exit()));
