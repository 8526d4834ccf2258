import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchema } from "./json-schema.ts";
import { openApiHash, openApiV2, openApiV3Document, openApiV3Index } from "./openapi.ts";
import type { ServedKind } from "./openapi-paths.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const deployment: ServedKind = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
  verbs,
  subresources: ["status", "scale"],
};
const schema: JSONSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: { hosts: { type: "array", items: { type: "string" }, nullable: true } },
      oneOf: [{ required: ["hosts"] }],
    },
  },
};
const custom: ServedKind = { ...deployment, group: "x.example.io", kind: "Thing", plural: "things", schema };
interface Document {
  paths: Record<string, Record<string, never>>;
  components: { schemas: Record<string, JSONSchema> };
  definitions: Record<string, JSONSchema>;
}

/** Every `$ref` in a document must lead somewhere. */
function dangling(document: object, found: string[] = []): string[] {
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === "$ref" && typeof inner === "string") {
        let at: unknown = document;
        for (const step of inner.slice(2).split("/")) at = (at as Record<string, unknown> | undefined)?.[step];
        if (!at) found.push(inner);
      } else walk(inner);
    }
  };
  walk(document);
  return found;
}

test("a PATCH says what kubectl's apply looks for", () => {
  const { paths } = openApiV3Document({ group: "apps", version: "v1" }, [deployment, custom]) as Document;
  const patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?.["patch"] as unknown as {
    parameters: { name: string; in: string }[];
    requestBody: { content: object };
    "x-kubernetes-group-version-kind": object;
  };
  assert.ok(patch.parameters.some((parameter) => parameter.name === "fieldValidation" && parameter.in === "query"));
  assert.ok(Object.hasOwn(patch.requestBody.content, "application/strategic-merge-patch+json"));
  assert.deepEqual(patch["x-kubernetes-group-version-kind"], { group: "apps", version: "v1", kind: "Deployment" });
  assert.ok(paths["/apis/apps/v1/deployments"]?.["get"]);
  assert.ok(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]?.["patch"]);
  assert.ok(!Object.keys(paths).some((path) => path.includes("things")), "another group's kind");
});

test("references hold and merge keys stay", () => {
  const document = openApiV3Document({ group: "apps", version: "v1" }, [deployment]) as Document;
  assert.deepEqual(dangling(document), []);
  const { schemas } = document.components;
  const strategy = schemas["io.k8s.api.apps.v1.DeploymentSpec"]?.properties?.["strategy"];
  assert.deepEqual(strategy, {
    allOf: [{ $ref: "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy" }],
    "x-kubernetes-patch-strategy": "retainKeys",
  });
  const containers = schemas["io.k8s.api.core.v1.PodSpec"]?.properties?.["containers"];
  assert.equal(containers?.["x-kubernetes-patch-merge-key"], "name");
  assert.ok(schemas["io.k8s.api.apps.v1.DeploymentList"]);
});

test("a custom resource becomes a component with metadata and its own schema", () => {
  const document = openApiV3Document({ group: "x.example.io", version: "v1" }, [custom]) as Document;
  assert.deepEqual(dangling(document), []);
  const thing = document.components.schemas["io.example.x.v1.Thing"];
  assert.deepEqual(thing?.["x-kubernetes-group-version-kind"], [
    { group: "x.example.io", version: "v1", kind: "Thing" },
  ]);
  assert.deepEqual(thing.properties?.["spec"], schema.properties?.["spec"]);
  assert.ok(thing.properties?.["metadata"]);
});

test("v2 holds everything at once, without what v2 doesn't know", () => {
  const document = openApiV2([deployment, custom]) as Document;
  assert.deepEqual(dangling(document), []);
  assert.deepEqual(document.definitions["io.example.x.v1.Thing"]?.properties?.["spec"], {
    type: "object",
    properties: { hosts: { type: "array", items: { type: "string" } } },
  });
  assert.deepEqual(document.definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"], {
    type: "string",
    format: "int-or-string",
  });
  assert.deepEqual(document.definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"], { type: "string" });
});

test("the index names documents by a hash of what they say", () => {
  const hash = openApiHash([custom]);
  assert.deepEqual(openApiV3Index([{ group: "x.example.io", version: "v1", hash }]), {
    paths: {
      "apis/x.example.io/v1": { serverRelativeURL: `/openapi/v3/apis/x.example.io/v1?hash=${hash}` },
    },
  });
  assert.equal(openApiHash([{ ...custom, schema: structuredClone(schema) }]), hash);
  assert.notEqual(openApiHash([{ ...custom, schema: { type: "object" } }]), hash);
});
