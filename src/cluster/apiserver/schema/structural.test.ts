import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema } from "./builtin.ts";
import type { JSONSchema } from "./json-schema.ts";
import { applyDefaults, prune, validate } from "./structural.ts";

function messages(value: unknown, schema: JSONSchema, path = "spec"): string[] {
  return validate(value, schema, path).map(({ field, message }) => `${field}: ${message}`);
}

test("errors have Kubernetes' words", () => {
  const schema: JSONSchema = {
    type: "object",
    required: ["hosts"],
    properties: {
      hosts: { type: "array", minItems: 1, items: { type: "string", minLength: 2, pattern: "^[a-z.*]+$" } },
      mode: { type: "string", enum: ["A", "B"] },
      port: { type: "integer", minimum: 1, maximum: 65535 },
      weight: { type: "integer", format: "int32" },
      when: { type: "string", format: "date-time" },
      ratio: { type: "number", exclusiveMinimum: true, minimum: 0 },
      target: { "x-kubernetes-int-or-string": true },
      labels: { type: "object", additionalProperties: { type: "string" }, maxProperties: 1 },
      ports: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        items: { type: "object", properties: { name: { type: "string" } } },
      },
    },
  };
  const expectations: [unknown, string[]][] = [
    [{}, ["spec.hosts: Required value"]],
    [
      { hosts: ["X"] },
      [
        'spec.hosts[0]: Invalid value: "X": spec.hosts[0] in body should be at least 2 chars long',
        "spec.hosts[0]: Invalid value: \"X\": spec.hosts[0] in body should match '^[a-z.*]+$'",
      ],
    ],
    [{ hosts: [] }, ["spec.hosts: Invalid value: 0: spec.hosts in body should have at least 1 items"]],
    [{ hosts: ["ab"], mode: "C" }, ['spec.mode: Unsupported value: "C": supported values: "A", "B"']],
    [
      { hosts: ["ab"], port: 0 },
      ["spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1"],
    ],
    [
      { hosts: ["ab"], port: "80" },
      ['spec.port: Invalid value: "string": spec.port in body must be of type integer: "string"'],
    ],
    [
      { hosts: ["ab"], weight: 2 ** 31 },
      ['spec.weight: Invalid value: 2147483648: spec.weight in body must be of type int32: "number"'],
    ],
    [
      { hosts: ["ab"], when: "soon" },
      ['spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"'],
    ],
    [{ hosts: ["ab"], ratio: 0 }, ["spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"]],
    [{ hosts: ["ab"], target: 8, port: 443, when: "2026-01-01T00:00:00Z", ratio: 0.5 }, []],
    [
      { hosts: ["ab"], target: true },
      ['spec.target: Invalid value: "boolean": spec.target in body must be of type integer,string: "boolean"'],
    ],
    [
      { hosts: ["ab"], labels: { a: 1 } },
      ['spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"'],
    ],
    [{ hosts: ["ab"], labels: { a: "1", b: "2" } }, ["spec.labels: Too many: 2: must have at most 1 items"]],
    [{ hosts: ["ab"], ports: [{ name: "a" }, { name: "a" }] }, ['spec.ports[1]: Duplicate value: {"name":"a"}']],
  ];
  for (const [value, want] of expectations) assert.deepEqual(messages(value, schema), want);
});

test("oneOf, anyOf, allOf and not, as Istio's CRDs write unions", () => {
  const schema: JSONSchema = {
    type: "object",
    properties: { exact: { type: "string" }, prefix: { type: "string" } },
    oneOf: [
      { not: { anyOf: [{ required: ["exact"] }, { required: ["prefix"] }] } },
      { required: ["exact"] },
      { required: ["prefix"] },
    ],
  };
  assert.deepEqual(messages({}, schema), []);
  assert.deepEqual(messages({ exact: "a" }, schema), []);
  assert.deepEqual(messages({ exact: "a", prefix: "b" }, schema, "spec.match[0].uri"), [
    '<nil>: Invalid value: "": "spec.match[0].uri" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ]);
  assert.deepEqual(messages({ exact: 1 }, { ...schema, not: { required: ["prefix"] } }), [
    'spec.exact: Invalid value: "integer": spec.exact in body must be of type string: "integer"',
  ]);
});

test("a nullable field may be null, another may not", () => {
  assert.deepEqual(messages(null, { type: "string", nullable: true }), []);
  assert.deepEqual(messages(null, { type: "string" }), [
    'spec: Invalid value: "null": spec in body must be of type string: "null"',
  ]);
});

test("pruning drops unknown fields and says which; the rest is shared", () => {
  const schema: JSONSchema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          http: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
          any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          map: { type: "object", additionalProperties: { type: "string" } },
        },
      },
    },
  };
  const any = { deep: { x: 1 } };
  const object = {
    apiVersion: "a/v1",
    kind: "A",
    metadata: { name: "n", labels: { x: "y" }, nmae: "typo" },
    spec: { http: [{ name: "a", foo: 1 }], any, map: { k: "v" }, bar: 1 },
  };
  const { value, dropped } = prune(object, schema);
  assert.deepEqual(dropped, ["metadata.nmae", "spec.http[0].foo", "spec.bar"]);
  assert.deepEqual(value, {
    apiVersion: "a/v1",
    kind: "A",
    metadata: { name: "n", labels: { x: "y" } },
    spec: { http: [{ name: "a" }], any, map: { k: "v" } },
  });
  assert.equal((value as typeof object).spec.any, any);
  assert.equal(prune(value, schema).value, value, "nothing to drop, nothing copied");
});

test("a built-in kind finds a misspelt field", () => {
  const schema = builtinSchema("apps", "v1", "Deployment") as JSONSchema;
  const container = { name: "a", imagePullpolicy: "Always", env: [{ name: "x", value: "y" }], resources: {} };
  const { dropped } = prune({ spec: { template: { spec: { containers: [container] } } } }, schema);
  assert.deepEqual(dropped, ["spec.template.spec.containers[0].imagePullpolicy"]);
});

test("defaults go where a field is absent or a forbidden null, at every depth, without changing the input", () => {
  const schema: JSONSchema = {
    type: "object",
    properties: {
      mode: { type: "string", default: "A" },
      none: { type: "string" },
      may: { type: "string", nullable: true },
      inner: { type: "object", default: {}, properties: { port: { type: "integer", default: 80 } } },
      list: { type: "array", items: { type: "object", properties: { x: { type: "integer", default: 1 } } } },
    },
  };
  const input = { mode: null, none: null, may: null, list: [{}, { x: 2 }] };
  assert.deepEqual(applyDefaults(input, schema), {
    mode: "A",
    may: null,
    inner: { port: 80 },
    list: [{ x: 1 }, { x: 2 }],
  });
  assert.deepEqual(input, { mode: null, none: null, may: null, list: [{}, { x: 2 }] });
  const full = applyDefaults(input, schema);
  assert.equal(applyDefaults(full, schema), full);
});
