import { countOf, list, object, ruled, text } from "./build.ts";
import type { JsonSchema } from "./json-schema.ts";
import { selectorLabels } from "./traffic.ts";

/** The workloads of a policy, by label. */
const policySelector: JsonSchema = object(
  { matchLabels: selectorLabels(4096) },
  { description: "The workloads that the policy is for: all of the namespace unless set." },
);

const target = object(
  {
    group: text("Group of the resource; empty for Kubernetes' own.", {
      maxLength: 253,
      pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    }),
    kind: text("Kind of the resource.", {
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    }),
    name: text("Name of the resource.", { minLength: 1, maxLength: 253 }),
    namespace: ruled(text("Must be left out."), { "self == ''": "must be left out: it is the policy's own" }),
  },
  { required: ["kind", "name"] },
);

/** A policy's spec: `fields`, and which workloads it is for. */
export function attachedPolicy(fields: Readonly<Record<string, JsonSchema>>, description: string): JsonSchema {
  const spec = object(
    {
      selector: policySelector,
      targetRef: { ...target, description: "Old form of `targetRefs` with one item." },
      targetRefs: list(target, "Gateways, GatewayClasses, Services or ServiceEntries that the policy is for.", {
        maxItems: 16,
      }),
      ...fields,
    },
    { description },
  );
  return ruled(spec, {
    [`${countOf(["has(self.selector)", "has(self.targetRef)", "has(self.targetRefs)"])} <= 1`]:
      "only one of selector, targetRef and targetRefs can be set",
  });
}
