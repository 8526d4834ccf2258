import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { hostsFile, resolvConf } from "./etc-files.ts";

const facts = {
  clusterDns: "10.0.0.10",
  clusterDomain: "cluster.local",
  hostResolvConf: "search example.org\nnameserver 9.9.9.9\noptions timeout:1\n",
};
const podOf = (spec: Partial<PodSpec>): Pod => ({ metadata: { namespace: "shop" }, spec: { containers: [], ...spec } });

test("resolv.conf by policy", () => {
  assert.equal(
    resolvConf(podOf({}), facts),
    "search shop.svc.cluster.local svc.cluster.local cluster.local example.org\nnameserver 10.0.0.10\noptions ndots:5\n",
  );
  const host = "search example.org\nnameserver 9.9.9.9\noptions timeout:1\n";
  assert.equal(resolvConf(podOf({ dnsPolicy: "Default" }), facts), host);
  assert.equal(resolvConf(podOf({ dnsPolicy: "ClusterFirst", hostNetwork: true }), facts), host);
  const dnsConfig = { nameservers: ["1.1.1.1"], searches: ["a.b"], options: [{ name: "ndots", value: "2" }] };
  assert.equal(
    resolvConf(podOf({ dnsPolicy: "None", dnsConfig }), facts),
    "search a.b\nnameserver 1.1.1.1\noptions ndots:2\n",
  );
  assert.match(resolvConf(podOf({ dnsConfig }), facts), /options ndots:2\n$/, "the pod's own goes before the policy's");
});

test("hosts", () => {
  const pod = podOf({ subdomain: "db", hostAliases: [{ ip: "10.1.1.1", hostnames: ["x", "y"] }] });
  const text = hostsFile(pod, "10.0.0.7", "one", "cluster.local");
  assert.match(text, /^10\.0\.0\.7\tone\.db\.shop\.svc\.cluster\.local\tone$/m);
  assert.match(text, /^10\.1\.1\.1\tx\ty$/m);
});
