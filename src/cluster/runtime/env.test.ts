import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentsOf, expand, serviceVariables } from "./env.ts";

test("expands variables as Kubernetes does", () => {
  const env = new Map([["NAME", "value"]]);
  assert.equal(expand("$(NAME)-$(OTHER)-$$(NAME)-$NAME-$$", env), "value-$(OTHER)-$(NAME)-$NAME-$");
});

test("command and args replace entry point and command by Kubernetes' table", () => {
  const image = { entrypoint: ["entry"], command: ["default"] };
  const env = new Map([["A", "1"]]);
  assert.deepEqual(argumentsOf({}, image, env), ["entry", "default"]);
  assert.deepEqual(argumentsOf({ args: ["$(A)"] }, image, env), ["entry", "1"]);
  assert.deepEqual(argumentsOf({ command: ["run"] }, image, env), ["run"]);
  assert.deepEqual(argumentsOf({ command: ["run"], args: ["x"] }, image, env), ["run", "x"]);
});

test("variables of a service", () => {
  const variables = new Map(
    serviceVariables({ name: "my-db", clusterIP: "10.0.0.9", ports: [{ name: "http-x", port: 80, protocol: "TCP" }] }),
  );
  assert.equal(variables.get("MY_DB_SERVICE_HOST"), "10.0.0.9");
  assert.equal(variables.get("MY_DB_SERVICE_PORT_HTTP_X"), "80");
  assert.equal(variables.get("MY_DB_PORT_80_TCP_ADDR"), "10.0.0.9");
  assert.deepEqual(serviceVariables({ name: "headless", clusterIP: "None", ports: [{ port: 1 }] }), []);
});
