import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { CertificateSigningRequest } from "kubernetes-types/certificates/v1.d.ts";
import { createKubeClient } from "#kube/client.ts";
import { KubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { buildRequest } from "#x509/request.ts";
import { type ApiUnderTest, startApi } from "./api-under-test.ts";

const skip =
  spawnSync("kubectl", ["version", "--client"]).status === 0 ? false : "no kubectl on the PATH (any from 1.27 will do)";
const type = resourceTypes.certificateSigningRequests;

let api: ApiUnderTest;
before(async () => {
  api = await startApi();
});
after(() => api.close());

async function newRequest(name: string): Promise<CertificateSigningRequest> {
  const pem = buildRequest(await generateKeyPair(), { uri: "spiffe://cluster.local/ns/a/sa/b" });
  return {
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString("base64"),
      signerName: "example.com/mesh",
      usages: ["client auth", "server auth"],
      username: "somebody else",
    },
  };
}

async function kubectl(line: string): Promise<string> {
  const common = [`--kubeconfig=${api.kubeconfig}`, `--cache-dir=${join(api.kubeconfig, "..", "cache")}`];
  return (await promisify(execFile)("kubectl", [...line.split(" "), ...common])).stdout;
}

test("kubectl approves and denies; a signer puts the certificate there", { skip }, async () => {
  const made = await api.client.create(type, await newRequest("a"));
  assert.equal(made.spec.username, "admin", "who asks is who sent it");
  assert.match(await kubectl("get csr a --no-headers"), /^a +\d+s +example\.com\/mesh +admin +<none> +Pending\n$/);
  assert.match(await kubectl("certificate approve a"), /approved/);
  const approved = await api.client.get<CertificateSigningRequest>(type, { name: "a" });
  assert.equal(approved.status?.conditions?.[0]?.type, "Approved");
  assert.ok(approved.status?.conditions?.[0]?.lastUpdateTime);
  const certificate = Buffer.from("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").toString("base64");
  const forged = { ...approved, spec: { ...approved.spec, signerName: "example.com/other" } };
  await api.client.update(type, { ...forged, status: { certificate, conditions: [] } }, "status");
  const signed = await api.client.get<CertificateSigningRequest>(type, { name: "a" });
  assert.equal(signed.status?.certificate, certificate);
  assert.equal(signed.status?.conditions?.[0]?.type, "Approved", "a signer doesn't change the verdict");
  assert.equal(signed.spec.signerName, "example.com/mesh", "what was asked for stays as it was");
  assert.match(await kubectl("get csr a --no-headers"), /Approved,Issued\n$/);
  await api.client.create(type, await newRequest("b"));
  assert.match(await kubectl("certificate deny b"), /denied/);
  assert.match(await kubectl("get csr b --no-headers"), /Denied\n$/);
});

test("approving and signing need to be allowed for the signer", async () => {
  const user = { username: "ops", groups: ["system:authenticated"] };
  const client = createKubeClient((request) => api.server.transport(user)(request));
  await api.client.create(type, await newRequest("c"));
  const grant = async (name: string, rules: object[]): Promise<void> => {
    const post = (plural: string, body: object) =>
      api.client.request({
        method: "POST",
        path: `/apis/rbac.authorization.k8s.io/v1/${plural}`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ metadata: { name }, ...body }),
      });
    await post("clusterroles", { rules });
    await post("clusterrolebindings", {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: "ops" }],
    });
  };
  const group = { apiGroups: ["certificates.k8s.io"] };
  const resources = [
    "certificatesigningrequests",
    "certificatesigningrequests/approval",
    "certificatesigningrequests/status",
  ];
  await grant("requests", [{ ...group, resources, verbs: ["get", "update"] }]);
  const found = await client.get<CertificateSigningRequest>(type, { name: "c" });
  const verdict = {
    ...found,
    status: { conditions: [{ type: "Approved", status: "True", reason: "r", message: "m" }] },
  };
  const forbidden = (error: unknown): boolean => error instanceof KubeError && error.code === 403;
  await assert.rejects(client.update(type, verdict, "approval"), forbidden);
  await grant("approver", [{ ...group, resources: ["signers"], resourceNames: ["example.com/*"], verbs: ["approve"] }]);
  await client.update(type, verdict, "approval");
  await assert.rejects(client.update(type, { ...found, status: { certificate: "eA==" } }, "status"), forbidden);
});

test("a request that nobody could serve is refused", async () => {
  const good = await newRequest("d");
  const invalid = (reason: RegExp) => (error: unknown) =>
    error instanceof KubeError && error.code === 422 && reason.test(error.message);
  const create = (spec: object) => api.client.create(type, { ...good, spec: { ...good.spec, ...spec } });
  await assert.rejects(create({ request: "eA==" }), invalid(/spec\.request/));
  await assert.rejects(create({ usages: [] }), invalid(/spec\.usages/));
  await assert.rejects(create({ signerName: "mesh" }), invalid(/spec\.signerName/));
});
