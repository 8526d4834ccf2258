import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeProtobuf } from "./decode.ts";
import { field, message } from "./writer.ts";

const number = (tag: number, value: number): Buffer => Buffer.from([tag * 8, value]);

function envelope(apiVersion: string, kind: string, object: Uint8Array): Buffer {
  const type = message(field(1, apiVersion), field(2, kind));
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, object)]);
}

test("what kubectl create namespace sends", () => {
  // Recorded from kubectl 1.32: empty strings and zeros are on the wire, and mean absent.
  const recorded =
    "6b387300" +
    "0a0f0a02763112094e616d657370616365" +
    "121b0a130a03666f6f12001a0022002a0032003800420012001a020a00" +
    "1a002200";
  assert.deepEqual(decodeProtobuf(Buffer.from(recorded, "hex")), {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "foo" },
    spec: {},
    status: {},
  });
});

test("pointers keep their zero; maps, lists, inlined parts, quantities and int-or-string", () => {
  const entry = message(field(1, "cpu"), field(2, field(1, "500m")));
  const probe = message(
    field(1, field(2, message(field(1, "/ready"), field(2, message(number(1, 0), number(2, 80)))))),
    number(3, 5),
  );
  const container = message(
    field(1, "app"),
    field(2, "nginx"),
    field(3, "a"),
    field(3, "b"),
    field(8, field(1, entry)),
    field(10, probe),
  );
  const template = field(3, message(field(2, field(2, container))));
  const decoded = decodeProtobuf(envelope("apps/v1", "Deployment", field(2, message(number(1, 0), template))));
  assert.deepEqual(decoded["spec"], {
    replicas: 0,
    template: {
      spec: {
        containers: [
          {
            name: "app",
            image: "nginx",
            command: ["a", "b"],
            resources: { limits: { cpu: "500m" } },
            livenessProbe: { httpGet: { path: "/ready", port: 80 }, timeoutSeconds: 5 },
          },
        ],
      },
    },
  });
});

test("what isn't one is refused", () => {
  const good = envelope("v1", "Namespace", field(1, field(1, "a")));
  for (const bad of [
    Buffer.alloc(0),
    Buffer.from("{}"),
    good.subarray(0, good.length - 2),
    envelope("v1", "Nothing", Buffer.alloc(0)),
  ])
    assert.throws(() => decodeProtobuf(bad), /the protobuf body can't be read/);
});
