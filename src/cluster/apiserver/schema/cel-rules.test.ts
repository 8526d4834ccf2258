import assert from "node:assert/strict";
import { test } from "node:test";
import { celRules } from "./cel-rules.ts";
import type { JSONSchema, ValidationRule } from "./json-schema.ts";
import { validate } from "./structural.ts";

function errors(value: unknown, rules: ValidationRule[], old?: unknown): string[] {
  const schema: JSONSchema = {
    type: "object",
    properties: {
      name: { type: "string" },
      namespace: { type: "string" },
      port: { type: "integer" },
      share: { type: "number" },
      items: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
      labels: { type: "object", additionalProperties: { type: "string" } },
    },
    "x-kubernetes-validations": rules,
  };
  return validate(value, schema, "spec", old, celRules).map(({ field, message }) => `${field}: ${message}`);
}

test("a rule that holds says nothing, one that fails says its message", () => {
  const rules = [{ rule: "self.port <= 100 && self.share < 0.5", message: "too much" }];
  assert.deepEqual(errors({ port: 80, share: 0.25 }, rules), []);
  assert.deepEqual(errors({ port: 180, share: 0.25 }, rules), ['spec: Invalid value: "object": too much']);
  assert.deepEqual(errors({ port: 180, share: 1 }, [{ rule: "self.port < 100" }]), [
    'spec: Invalid value: "object": failed rule: self.port < 100',
  ]);
});

test("presence, macros, maps, reserved names, functions", () => {
  const value = { name: "http://a.b/c", namespace: "n", items: [{ name: "x" }, { name: "y" }], labels: { "a-b": "1" } };
  for (const rule of [
    "!has(self.port)",
    "has(self.items[0].name)",
    "self.items.all(a, self.items.exists_one(b, a.name == b.name))",
    "self.__namespace__ == 'n'",
    "self.labels.all(key, key.matches('^[a-z-]+$'))",
    "self.labels['a-b'] == '1'",
    "isURL(self.name) && url(self.name).getScheme() in ['http', 'https'] && url(self.name).getHost() == 'a.b'",
    "duration('1s') >= duration('1ms')",
    "!isIP(self.name) && self.name.split('/').size() == 4",
    "format.dns1123Label().validate(self.__namespace__) == null",
    "self.items.map(i, i.name).indexOf('y') == 1",
  ])
    assert.deepEqual(errors(value, [{ rule }]), [], rule);
});

test("rules about changes wait for an old value", () => {
  const rules = [
    {
      rule: "self.name == oldSelf.name",
      messageExpression: "'was ' + oldSelf.name",
      reason: "FieldValueForbidden",
      fieldPath: ".name",
    },
  ];
  assert.deepEqual(errors({ name: "b" }, rules), []);
  assert.deepEqual(errors({ name: "a" }, rules, { name: "a" }), []);
  assert.deepEqual(errors({ name: "b" }, rules, { name: "a" }), ["spec.name: Forbidden: was a"]);
});

test("an error while evaluating refuses; a rule that isn't CEL is left out", () => {
  assert.match(
    errors({}, [{ rule: "self.name == 'a'", message: "m" }])[0] ?? "",
    /spec: Invalid value: "object": .*evaluating rule: m/,
  );
  assert.deepEqual(errors({}, [{ rule: "self ==" }]), []);
});
