import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { istioKinds } from "#config/kinds.ts";
import { customResourceDefinition } from "#istioctl/install/render/crd.ts";

/** Kubeconfig of a real Kubernetes API server, which is stricter with rules than ours: their types, and what they may cost. */
const kubeconfig = process.env["WEFT_KUBERNETES"];

/** Why there is no verdict of a real Kubernetes, if so. */
export const withoutKubernetes: string | undefined =
  kubeconfig === undefined ? "needs a real Kubernetes API server: set WEFT_KUBERNETES to its kubeconfig" : undefined;

let installation: { readonly failure: string } | undefined;

/** Fails unless Kubernetes takes Weft's CRDs, and accepts the resource (which isn't stored) or doesn't, as wanted. */
export function judgeByKubernetes(resource: object, { valid }: { readonly valid: boolean }): void {
  installation ??= { failure: installCrds() };
  assert.equal(installation.failure, "");
  const { status, stderr } = kubectl(["create", "--dry-run=server", "-f", "-"], resource);
  // Anything else than a verdict on the fields, such as an API server that isn't there, is no verdict.
  const refused = status !== 0 && / is invalid: /.test(stderr);
  assert.ok(refused || status === 0, stderr);
  assert.equal(!refused, valid, stderr || "no errors");
}

/** What Kubernetes has against Weft's CRDs; empty if nothing. */
function installCrds(): string {
  const items = istioKinds.map(customResourceDefinition);
  const { status, stderr } = kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], {
    apiVersion: "v1",
    kind: "List",
    items,
  });
  if (status !== 0) return stderr;
  const names = istioKinds.map(({ plural, group }) => `crd/${plural}.${group}`);
  const ready = kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
  return ready.status === 0 ? "" : ready.stderr;
}

function kubectl(args: readonly string[], input?: object): { status: number | null; stderr: string } {
  const { status, stderr, error } = spawnSync("kubectl", ["--kubeconfig", kubeconfig ?? "", ...args], {
    encoding: "utf8",
    ...(input ? { input: JSON.stringify(input) } : {}),
  });
  if (error) throw error;
  return { status, stderr };
}
