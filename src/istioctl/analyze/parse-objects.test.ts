import assert from "node:assert/strict";
import { test } from "node:test";
import { parseObjects } from "./parse-objects.ts";

const manifest = `# first
apiVersion: v1
kind: Service
metadata:
  name: reviews
spec:
  selector: null
  ports:
  - port: 80
  - port: 81
    name: http
---
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata:
    name: shop
- apiVersion: v1
  kind: Service
  metadata:
    namespace: shop
    name: cart
`;

test("reads every document and what is in lists; only what has no namespace gets the default", () => {
  const { objects, problems } = parseObjects(manifest, "a.yaml", "blue");
  assert.deepEqual(problems, []);
  assert.deepEqual(
    objects.map(({ object }) => [object.kind, object.metadata?.namespace, object.metadata?.name]),
    [
      ["Service", "blue", "reviews"],
      ["Namespace", undefined, "shop"],
      ["Service", "shop", "cart"],
    ],
  );
});

test("null fields count as absent", () => {
  const [first] = parseObjects(manifest, "a.yaml").objects;
  assert.ok(first);
  assert.deepEqual((first.object as { spec?: unknown }).spec, { ports: [{ port: 80 }, { port: 81, name: "http" }] });
});

const lines: readonly (readonly [number, string | undefined, number])[] = [
  [0, undefined, 5],
  [0, "spec.ports", 8],
  [0, "spec.ports[1]", 10],
  [0, "spec.ports[1].name", 11],
  [0, "spec.ports[1].targetPort", 10],
  [0, "spec.ports[7].name", 8],
  [0, 'metadata.labels["a.b"]', 4],
  [2, "metadata.namespace", 24],
];
for (const [index, field, line] of lines) {
  test(`${field ?? "the name"} of object ${index} is in line ${line}`, () => {
    assert.equal(parseObjects(manifest, "a.yaml").objects[index]?.source.lineOf(field), line);
  });
}

const service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n";
test("settings for istioctl install need no name", () => {
  assert.deepEqual(parseObjects("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n", "a.yaml").problems, []);
});

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ["what isn't YAML", `${service}---\na: [1\n`, /^a\.yaml:7:1: not YAML: /],
  ["a key twice", `${service}kind: Pod\n`, /^a\.yaml:5:1: not YAML: .*unique/],
  ["a map that is no object", `${service}---\nfoo: bar\n`, /^a\.yaml:6:1: not a Kubernetes object/],
  ["a text", "hello\n", /^a\.yaml:1:1: not a Kubernetes object/],
  ["a name that is missing", "apiVersion: v1\nkind: Pod\n", /^a\.yaml:1:1: Pod: metadata\.name must be set$/],
  [
    "a field of the wrong type",
    "apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: web }\n",
    /^a\.yaml:1:1: Service a: spec\.ports: must be of type array$/,
  ],
  ["null in a list", "apiVersion: v1\nkind: List\nitems:\n- null\n", /^a\.yaml:4:3: not a Kubernetes object/],
  [
    "aliases that unfold without end",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi".replace(
      /./g,
      (key) =>
        `${key}: &${key} [${Array(9)
          .fill(`*${String.fromCharCode(key.charCodeAt(0) - 1)}`)
          .join(",")}]\n`,
    )}`,
    /^a\.yaml:1:1: .*alias/i,
  ],
];
for (const [what, text, expected] of wrong) {
  test(`tells the place of ${what}, and still reads the rest`, () => {
    const { objects, problems } = parseObjects(text, "a.yaml");
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", expected);
    assert.equal(objects.length, text.startsWith(service) && !text.includes("Pod") ? 1 : 0);
  });
}
