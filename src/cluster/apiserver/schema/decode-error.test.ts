import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema } from "./builtin.ts";
import { decodeError } from "./decode-error.ts";
import type { JSONSchema } from "./json-schema.ts";

const deployment = builtinSchema("apps", "v1", "Deployment") as JSONSchema;
const inContainer = (container: object): object => ({ spec: { template: { spec: { containers: [container] } } } });

test("wrong types are told as Go tells them", () => {
  const cases: [unknown, string][] = [
    [
      { spec: { replicas: "two" } },
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      { spec: { replicas: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      inContainer({ env: [{ name: "A", value: 1 }] }),
      "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ],
    [
      inContainer({ ports: { containerPort: 80 } }),
      "json: cannot unmarshal object into Go struct field Container.spec.template.spec.containers.ports of type []v1.ContainerPort",
    ],
    [
      { metadata: { labels: { a: true } } },
      "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [{ spec: [] }, "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"],
  ];
  for (const [value, want] of cases) assert.equal(decodeError(value, deployment), want);
});

test("what Go reads is fine: quantities both ways, nulls, unknown and missing fields", () => {
  const container = { resources: { limits: { cpu: 1, memory: "1Gi" } }, livenessProbe: { httpGet: { port: "http" } } };
  const object = { metadata: { creationTimestamp: null, annotations: null }, whatever: 1, ...inContainer(container) };
  assert.equal(decodeError(object, deployment), undefined);
  assert.match(String(decodeError({ metadata: { creationTimestamp: "now" } }, deployment)), /^parsing time "now"/);
});
