import assert from "node:assert/strict";
import { test } from "node:test";
import { type Protocol, portProtocol } from "./protocol.ts";

const cases: readonly (readonly [Parameters<typeof portProtocol>[0], Protocol])[] = [
  [{ port: 80, name: "http" }, "HTTP"],
  [{ port: 80, name: "HTTP2-x" }, "HTTP2"],
  [{ port: 80, name: "grpc-web-x" }, "GRPC-Web"],
  [{ port: 80, name: "grpcweb-x" }, "Unsupported"],
  [{ port: 80, name: "httpx" }, "Unsupported"],
  [{ port: 80, name: "http", appProtocol: "https" }, "HTTPS"],
  [{ port: 3306, name: "any", appProtocol: "kubernetes.io/h2c" }, "HTTP2"],
  [{ port: 3306, name: "any" }, "TCP"],
  [{ port: 80, name: "http", protocol: "UDP" }, "UDP"],
];
for (const [port, want] of cases) {
  test(`${JSON.stringify(port)} speaks ${want}`, () => assert.equal(portProtocol(port), want));
}
