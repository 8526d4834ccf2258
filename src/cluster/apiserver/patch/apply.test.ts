import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#kube/object.ts";
import { builtinSchema } from "../schema/builtin.ts";
import { type ApplyOptions, serverSideApply, trackUpdate } from "./apply.ts";
import { ApplyConflictError } from "./apply-conflict.ts";

const deployment = builtinSchema("apps", "v1", "Deployment");
const now = "2026-01-01T00:00:00Z";
type Any = KubeObject & { spec?: unknown; status?: unknown };
const object = (spec: unknown, metadata: object = {}): Any => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "app", ...metadata },
  spec,
});
const apply = (live: KubeObject | undefined, applied: KubeObject, more: Partial<ApplyOptions> = {}): Any =>
  serverSideApply({ live, applied, manager: "me", force: false, schema: deployment, now, ...more });
const update = (before: KubeObject | undefined, after: KubeObject, manager = "other", subresource = ""): Any =>
  trackUpdate({ before, after, manager, operation: "Update", schema: deployment, now, subresource });
const template = (...containers: object[]) => ({ template: { spec: { containers } } });

test("apply writes fieldsV1 as Kubernetes does", () => {
  const spec = {
    replicas: 2,
    ...template({ name: "a", image: "i:1", ports: [{ containerPort: 80 }], args: ["x"] }),
  };
  const created = apply(undefined, object(spec, { labels: { app: "a" }, finalizers: ["x/y"] }));
  assert.deepEqual(created.spec, spec);
  assert.deepEqual(created.metadata?.managedFields, [
    {
      manager: "me",
      operation: "Apply",
      apiVersion: "apps/v1",
      time: now,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:finalizers": { 'v:"x/y"': {} }, "f:labels": { "f:app": {} } },
        "f:spec": {
          "f:replicas": {},
          "f:template": {
            "f:spec": {
              "f:containers": {
                'k:{"name":"a"}': {
                  ".": {},
                  "f:args": {},
                  "f:image": {},
                  "f:name": {},
                  "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
                },
              },
            },
          },
        },
      },
    },
  ]);
  assert.equal(apply(created, object(spec, { labels: { app: "a" }, finalizers: ["x/y"] })), created, "a no-op");
});

test("a field that is no longer applied goes, with what nobody owns below it; what others own stays", () => {
  const created = apply(undefined, object({ replicas: 1, ...template({ name: "a", image: "i" }, { name: "b" }) }));
  // As defaulting does: nobody's field.
  const defaulted = structuredClone(created) as {
    spec: { template: { spec: { containers: Record<string, unknown>[] } } };
  };
  for (const container of defaulted.spec.template.spec.containers) container["imagePullPolicy"] = "Always";
  const injected = structuredClone(defaulted);
  injected.spec.template.spec.containers.push({ name: "proxy", image: "p" });
  const live = update(defaulted as unknown as KubeObject, injected as unknown as KubeObject);
  const next = apply(live, object({ ...template({ name: "a", image: "i" }) }));
  assert.deepEqual(
    next.spec,
    template({ name: "a", image: "i", imagePullPolicy: "Always" }, { name: "proxy", image: "p" }),
  );
  const gone = apply(next, object({ paused: true }));
  assert.deepEqual(gone.spec, { paused: true, ...template({ name: "proxy", image: "p" }) });
});

test("another value for somebody else's field is a conflict; the same value is shared; force takes it", () => {
  const created = apply(undefined, object({ replicas: 1, paused: true }));
  const scaled = update(created, { ...created, spec: { replicas: 5, paused: true } } as Any, "hpa", "scale");
  assert.throws(
    () => apply(scaled, object({ replicas: 1, paused: true })),
    (error) =>
      error instanceof ApplyConflictError &&
      error.message ===
        'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas' &&
      error.causes[0]?.reason === "FieldManagerConflict",
  );
  const shared = apply(scaled, object({ replicas: 5 }), { manager: "second" });
  assert.equal(shared.metadata?.managedFields?.length, 3);
  const dropped = apply(shared, object({}), { manager: "second" });
  assert.deepEqual(dropped.spec, { replicas: 5, paused: true }, "the other owner keeps it");
  const forced = apply(scaled, object({ replicas: 1, paused: true }), { force: true });
  assert.deepEqual(forced.spec, { replicas: 1, paused: true });
  assert.deepEqual(
    forced.metadata?.managedFields?.map(({ manager }) => manager),
    ["me"],
    "who owns nothing is gone",
  );
});

test("several conflicts are listed by manager", () => {
  const created = update(undefined, object({ replicas: 1, ...template({ name: "a", image: "x" }) }), "kubectl-create");
  const applied = object({ replicas: 2, ...template({ name: "a", image: "y" }) });
  assert.throws(() => apply(created, applied), {
    message:
      'Apply failed with 2 conflicts: conflicts with "kubectl-create" using apps/v1:\n' +
      '- .spec.replicas\n- .spec.template.spec.containers[name="a"].image',
  });
});

test("the first apply on an object that was never tracked leaves it to before-first-apply", () => {
  const live = object({ replicas: 1 }, { resourceVersion: "1" });
  assert.throws(() => apply(live, object({ replicas: 2 })), /conflict with "before-first-apply" using apps\/v1/);
  const next = apply(live, object({ paused: true }));
  assert.deepEqual(
    next.metadata?.managedFields?.map(({ manager, operation }) => [manager, operation]),
    [
      ["me", "Apply"],
      ["before-first-apply", "Update"],
    ],
  );
});

test("a status write belongs to its subresource and leaves the others' entries as they are", () => {
  const created = apply(undefined, object({ replicas: 1 }));
  const status = { ...created, status: { conditions: [{ type: "Available", status: "True" }] } } as Any;
  const live = update(created, status, "controller", "status");
  assert.deepEqual(live.metadata?.managedFields?.[0], created.metadata?.managedFields?.[0]);
  assert.deepEqual(live.metadata?.managedFields?.[1], {
    manager: "controller",
    operation: "Update",
    apiVersion: "apps/v1",
    time: now,
    fieldsType: "FieldsV1",
    fieldsV1: {
      "f:status": {
        ".": {},
        "f:conditions": {
          ".": {},
          'k:{"type":"Available"}': { ".": {}, "f:status": {}, "f:type": {} },
        },
      },
    },
    subresource: "status",
  });
  assert.equal(update(live, live, "controller", "status"), live, "nothing changed, nothing made");
});

test("removing a field takes it from everybody; [{}] forgets all managers", () => {
  const created = apply(undefined, object({ replicas: 1, paused: true }));
  const next = update(created, { ...created, spec: { replicas: 1 } } as Any);
  assert.deepEqual(next.metadata?.managedFields?.[0]?.fieldsV1, { "f:spec": { "f:replicas": {} } });
  const reset = update(created, { ...created, metadata: { name: "app", managedFields: [{}] } });
  assert.equal(reset.metadata?.managedFields, undefined);
});

test("items keep the applied order, the live object's own stay in their places", () => {
  const live = object(template({ name: "x" }, { name: "a" }, { name: "y" }, { name: "b" }));
  const next = apply(live, object(template({ name: "b" }, { name: "a" }, { name: "c" })), { force: true });
  const names = (next.spec as ReturnType<typeof template>).template.spec.containers.map(
    (container) => (container as { name: string }).name,
  );
  assert.deepEqual(
    names.filter((name) => "abc".includes(name)),
    ["b", "a", "c"],
  );
  assert.deepEqual(names.sort(), ["a", "b", "c", "x", "y"]);
});
