import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { resolveAliases } from "./aliases.ts";
import { convertService } from "./service.ts";

function service(name: string, externalName?: string) {
  const spec =
    externalName === undefined
      ? { clusterIP: "10.0.0.1", ports: [{ port: 80 }] }
      : { type: "ExternalName", externalName, ports: [{ port: 80 }] };
  const converted = convertService({ metadata: { name, namespace: "shop" }, spec }, "cluster.local", defaultMeshConfig);
  assert.ok(converted);
  return converted;
}

const real = service("real");
const full = (name: string): string => `${name}.shop.svc.cluster.local`;

test("an alias of a service is another name of it, also over another alias", () => {
  const services = [real, service("a", full("real")), service("b", full("a"))];
  assert.deepEqual(
    resolveAliases(services).map(({ hostname, aliases }) => [hostname, aliases]),
    [[full("real"), [full("a"), full("b")]]],
  );
});

test("names of the outside, and aliases of each other, stay what they are", () => {
  const services = [real, service("out", "example.com"), service("a", full("b")), service("b", full("a"))];
  assert.deepEqual(resolveAliases(services), services);
});

test("the same aliases give the same service", () => {
  const services = [real, service("a", full("real"))];
  assert.equal(resolveAliases(services)[0], resolveAliases(services)[0]);
});
