import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import { whyNot } from "./node-fit.ts";

const pod = (spec: Partial<Pod["spec"]>): Pod => ({ spec: { containers: [], ...spec } });
const node = (spec: Node["spec"] = {}): Node => ({ metadata: { name: "n", labels: { cores: "8", zone: "a" } }, spec });
const taint = { key: "gpu", value: "yes", effect: "NoSchedule" };
const affinity = (key: string, operator: string, values: string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
    },
  },
});

test("what keeps a pod off the node", () => {
  assert.equal(whyNot(pod({}), node()), undefined);
  assert.match(whyNot(pod({}), undefined) ?? "", /no nodes available/);
  assert.match(whyNot(pod({ nodeSelector: { zone: "b" } }), node()) ?? "", /node affinity\/selector/);
  assert.equal(whyNot(pod({ affinity: affinity("cores", "Gt", ["4"]) }), node()), undefined);
  assert.match(whyNot(pod({ affinity: affinity("zone", "NotIn", ["a"]) }), node()) ?? "", /affinity/);
  assert.match(whyNot(pod({}), node({ unschedulable: true })) ?? "", /unschedulable/);
  assert.match(whyNot(pod({}), node({ taints: [taint] })) ?? "", /untolerated taint \{gpu: yes\}/);
  assert.equal(
    whyNot(pod({ tolerations: [{ key: "gpu", operator: "Exists" }] }), node({ taints: [taint] })),
    undefined,
  );
  assert.match(whyNot(pod({ schedulingGates: [{ name: "later" }] }), node()) ?? "", /gates/);
});
