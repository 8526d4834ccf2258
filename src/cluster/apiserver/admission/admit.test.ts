import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { MutatingWebhook } from "kubernetes-types/admissionregistration/v1.d.ts";
import { ApiError } from "../api-error.ts";
import { testCertificate } from "../streams/test-certificate.ts";
import { type AdmitOptions, admit } from "./admit.ts";
import type { WebhookRule } from "./match.ts";
import type { AdmissionRequest } from "./request.ts";

interface Review {
  apiVersion: string;
  request: AdmissionRequest & { uid: string; requestKind: object; subResource?: string };
}
type Answer = (review: Review) => object | Promise<object>;

let server: Server;
let caBundle = "";
let otherBundle = "";
const seen: { path: string; review: Review }[] = [];
const answers = new Map<string, Answer>();

const encoded = (operations: object[]): object => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});
const labelled = (name: string): object => encoded([{ op: "add", path: `/metadata/labels/${name}`, value: "yes" }]);

before(async () => {
  const certificate = await testCertificate("hook.system.svc");
  caBundle = Buffer.from(certificate.cert).toString("base64");
  otherBundle = Buffer.from((await testCertificate("hook.system.svc")).cert).toString("base64");
  server = createServer(certificate, async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const review = JSON.parse(text) as Review;
    const path = request.url ?? "";
    seen.push({ path, review });
    const answer = await answers.get(path.split("?")[0] ?? "")?.(review);
    if (answer === undefined) response.writeHead(500).end("broken");
    else response.end(JSON.stringify({ response: { uid: review.request.uid, ...answer } }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => {
  server.closeAllConnections();
  server.close();
});

function hook(path: string, more: Partial<MutatingWebhook> = {}): MutatingWebhook {
  return {
    name: `${path.slice(1)}.example.com`,
    clientConfig: { service: { name: "hook", namespace: "system", path }, caBundle },
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }] as WebhookRule[],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    ...more,
  };
}

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "default", labels: { app: "a" } } };
const podRequest: AdmissionRequest = {
  operation: "CREATE",
  kind: { group: "", version: "v1", kind: "Pod" },
  resource: { group: "", version: "v1", resource: "pods" },
  name: "a",
  namespace: "default",
  object: pod,
  user: { username: "admin", groups: ["system:masters"] },
  dryRun: false,
};

function run(
  mutating: MutatingWebhook[],
  request: Partial<AdmissionRequest> = {},
  validating: MutatingWebhook[] = [],
): ReturnType<typeof admit> {
  seen.length = 0;
  const options: AdmitOptions = {
    configs: {
      // One configuration each, named so that the order of the list is not the order of the calls.
      mutating: mutating.map((webhook) => ({ metadata: { name: webhook.name }, webhooks: [webhook] })).reverse(),
      validating: [{ metadata: { name: "v" }, webhooks: validating }],
    },
    request: { ...podRequest, ...request },
    namespaceObject: { metadata: { name: "default", labels: { "istio-injection": "enabled" } } },
    resolveService: async (_namespace, name) =>
      name === "hook" ? { host: "127.0.0.1", port: (server.address() as AddressInfo).port } : undefined,
  };
  return admit(options);
}
const labelsOf = (result: Awaited<ReturnType<typeof admit>>): unknown => result.object?.metadata?.labels;

test("mutating webhooks see each other's changes in order, and the review has Kubernetes' shape", async () => {
  answers.set("/a", () => labelled("a"));
  answers.set("/b", (review) => ({
    ...labelled("b"),
    warnings: [`saw ${Object.keys(review.request.object?.metadata?.labels ?? {}).join()}`],
  }));
  const result = await run([hook("/a"), hook("/b")]);
  assert.deepEqual(labelsOf(result), { app: "a", a: "yes", b: "yes" });
  assert.deepEqual(result.warnings, ["saw app,a"]);
  assert.equal(seen[0]?.path, "/a?timeout=10s");
  const { uid: _, ...request } = seen[0].review.request;
  assert.deepEqual(request, {
    kind: podRequest.kind,
    resource: podRequest.resource,
    requestKind: podRequest.kind,
    requestResource: podRequest.resource,
    name: "a",
    namespace: "default",
    operation: "CREATE",
    userInfo: podRequest.user,
    object: pod,
    oldObject: null,
    dryRun: false,
    options: null,
  });
});

test("reinvocationPolicy IfNeeded: once more after somebody else changed the object", async () => {
  answers.set("/a", ({ request }) =>
    encoded([
      {
        op: "add",
        path: "/metadata/labels/count",
        value: String(Object.keys(request.object?.metadata?.labels ?? {}).length),
      },
    ]),
  );
  answers.set("/b", () => labelled("b"));
  const again = await run([hook("/a", { reinvocationPolicy: "IfNeeded" }), hook("/b")]);
  assert.deepEqual(labelsOf(again), { app: "a", count: "3", b: "yes" });
  await run([hook("/a", { reinvocationPolicy: "Never" }), hook("/b")]);
  assert.equal(seen.length, 2);
});

test("who is asked: rules, scope, selectors, match policy", async () => {
  answers.set("/a", () => ({ allowed: true }));
  const asked = async (more: Partial<MutatingWebhook>, request: Partial<AdmissionRequest> = {}): Promise<boolean> => {
    await run([hook("/a", more)], request);
    return seen.length > 0;
  };
  const rule = (fields: object): Partial<MutatingWebhook> => ({
    rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"], ...fields }] as WebhookRule[],
  });
  assert.equal(await asked({}), true);
  assert.equal(await asked({}, { operation: "UPDATE" }), false);
  assert.equal(await asked(rule({ resources: ["pods/status"] })), false);
  assert.equal(await asked(rule({ resources: ["*"] }), { subresource: "status" }), false);
  assert.equal(await asked(rule({ resources: ["*/*"] }), { subresource: "status" }), true);
  assert.equal(await asked(rule({ resources: ["pods/*"] }), { subresource: "status" }), true);
  assert.equal(await asked(rule({ resources: ["*/scale"] }), { subresource: "status" }), false);
  assert.equal(await asked(rule({ scope: "Cluster" })), false);
  assert.equal(await asked(rule({ scope: "Namespaced" })), true);
  const disabled = { matchExpressions: [{ key: "istio-injection", operator: "NotIn", values: ["enabled"] }] };
  assert.equal(await asked({ namespaceSelector: disabled }), false);
  assert.equal(await asked({ namespaceSelector: { matchLabels: { "istio-injection": "enabled" } } }), true);
  const revision = { matchExpressions: [{ key: "istio.io/rev", operator: "DoesNotExist" }] };
  assert.equal(await asked({ objectSelector: revision }), true);
  assert.equal(await asked({ objectSelector: { matchLabels: { app: "b" } } }), false);
  const resource = { group: "admissionregistration.k8s.io", version: "v1", resource: "mutatingwebhookconfigurations" };
  assert.equal(await asked(rule({}), { resource }), false);
});

test("matchPolicy Equivalent: the webhook sees the version it asked for", async () => {
  answers.set("/a", () => encoded([{ op: "add", path: "/spec", value: { ok: true } }]));
  const served = (version: string) => ({
    kind: { group: "x.io", version, kind: "Thing" },
    resource: { group: "x.io", version, resource: "things" },
  });
  const request = {
    ...served("v1"),
    object: { apiVersion: "x.io/v1", kind: "Thing", metadata: { name: "a" } },
    equivalents: [served("v1beta1")],
  };
  const rules = [{ operations: ["*"], apiGroups: ["x.io"], apiVersions: ["v1beta1"], resources: ["things"] }];
  const result = await run([hook("/a", { rules })], request);
  assert.deepEqual(result.object, { ...request.object, spec: { ok: true } });
  assert.equal(seen[0]?.review.request.object?.apiVersion, "x.io/v1beta1");
  assert.deepEqual(seen[0].review.request.requestKind, request.kind);
  await run([hook("/a", { rules, matchPolicy: "Exact" })], request);
  assert.equal(seen.length, 0);
});

async function refusal(promise: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return { code: error.status.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}

test("a validating webhook's refusal in its own words; its patches do nothing", async () => {
  answers.set("/v", () => ({ allowed: false, status: { message: "hosts: must not be empty", code: 422 } }));
  answers.set("/w", () => ({ allowed: false }));
  assert.deepEqual(await refusal(run([], {}, [hook("/v")])), {
    code: 422,
    message: 'admission webhook "v.example.com" denied the request: hosts: must not be empty',
  });
  assert.deepEqual(await refusal(run([], {}, [hook("/w")])), {
    code: 400,
    message: 'admission webhook "w.example.com" denied the request without explanation',
  });
  answers.set("/v", () => labelled("late"));
  assert.equal((await run([], {}, [hook("/v")])).object, pod);
});

test("failures: broken answers, no endpoints, a wrong certificate, time; and failurePolicy Ignore", async () => {
  answers.delete("/broken");
  answers.set("/slow", () => new Promise((resolve) => setTimeout(() => resolve({ allowed: true }), 3000)));
  answers.set("/wrong", () => ({ allowed: true, uid: "other" }));
  const cases: [Partial<MutatingWebhook>, RegExp][] = [
    [
      {},
      /^Internal error occurred: failed calling webhook "broken.example.com": failed to call webhook: Post "https:\/\/hook\.system\.svc(:443)?\/broken\?timeout=10s": the server answered 500: broken$/,
    ],
    [{ clientConfig: { service: { name: "none", namespace: "system" } } }, /no endpoints available for service "none"/],
    [
      { clientConfig: { ...hook("/broken").clientConfig, caBundle: otherBundle } },
      /self-signed certificate|unable to verify|signature/,
    ],
    [
      { clientConfig: { service: { name: "hook", namespace: "elsewhere", path: "/broken" }, caBundle } },
      /Hostname\/IP does not match certificate's altnames: Host: hook\.elsewhere\.svc/,
    ],
    [{ clientConfig: hook("/wrong").clientConfig }, /expected response.uid=/],
    [{ clientConfig: hook("/slow").clientConfig, timeoutSeconds: 1 }, /context deadline exceeded/],
  ];
  for (const [more, want] of cases) {
    const { code, message } = await refusal(run([hook("/broken", more)]));
    assert.equal(code, 500);
    assert.match(message, want);
  }
  assert.equal((await run([hook("/broken", { failurePolicy: "Ignore" })])).object, pod);
});

test("a dry run is refused for a webhook that has side effects", async () => {
  answers.set("/a", () => ({ allowed: true }));
  assert.deepEqual(await refusal(run([hook("/a", { sideEffects: "Unknown" })], { dryRun: true })), {
    code: 400,
    message: 'admission webhook "a.example.com" does not support dry run',
  });
  await run([hook("/a", { sideEffects: "NoneOnDryRun" })], { dryRun: true });
  assert.equal(seen[0]?.review.request.dryRun, true);
});
