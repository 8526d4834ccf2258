import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import { parseAllDocuments } from "yaml";
import { CommandError } from "#cluster/commands/command-error.ts";
import { createDiscovery } from "#istioctl/discovery.ts";
import type { KubeClient } from "#kube/client.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";

/** The clone. */
export const root: string = join(import.meta.dirname, "..", "..");
export const bookinfo: string = join(root, "samples", "bookinfo");
const patience = 120_000;

/** Applies Bookinfo and its gateway, with sidecars. */
export async function deployBookinfo(client: KubeClient): Promise<void> {
  await client.patch(resourceTypes.namespaces, {
    name: "default",
    as: "merge",
    patch: { metadata: { labels: { "istio-injection": "enabled" } } },
  });
  await apply(client, join(bookinfo, "platform", "kube", "bookinfo.yaml"));
  await apply(client, join(bookinfo, "networking", "bookinfo-gateway.yaml"));
}

/** `istioctl install` with the demo profile into a context's cluster; its progress goes to standard error. */
export function installMesh(context: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const words = ["install", "--context", context, "--set", "profile=demo", "-y"];
    const command = spawn(join(root, "bin", "istioctl"), words, {
      stdio: ["ignore", process.stderr, process.stderr],
      env,
    });
    command.on("error", reject);
    command.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new CommandError(`istioctl install ended with exit code ${code}: see above`));
    });
  });
}

async function apply(client: KubeClient, path: string): Promise<void> {
  const discovery = createDiscovery(client);
  for (const document of parseAllDocuments(await readFile(path, "utf8"))) {
    const object = document.toJS() as KubeObject | null;
    if (!object?.kind) continue;
    const type = await discovery.resourceTypeOf(object);
    await client.patch(type, {
      ...(type.namespaced ? { namespace: object.metadata?.namespace ?? "default" } : {}),
      name: object.metadata?.name ?? "",
      as: "apply",
      // As kubectl's server-side apply, so that the user can go on with it.
      fieldManager: "kubectl",
      force: true,
      patch: object,
    });
  }
}

/** The ingress gateway's address, when it has one. */
export async function gatewayAddress(client: KubeClient): Promise<string> {
  const ref = { namespace: "istio-system", name: "istio-ingressgateway" };
  return until("the ingress gateway has no address", async () => {
    const service = await client.find<Service>(resourceTypes.services, ref);
    return service?.status?.loadBalancer?.ingress?.[0]?.ip;
  });
}

/** Resolves when the page comes with status 200. */
export async function pageAnswers(url: string): Promise<void> {
  await until(`${url} doesn't show the product page; see kubectl get pods`, async () =>
    (await fetchText(url)).includes("<title>Simple Bookstore App</title>") ? true : undefined,
  );
}

async function until<T>(otherwise: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new CommandError(`${otherwise} (waited ${patience / 1000} s)`);
    await sleep(200);
  }
}

/** The page, or nothing while it can't be had. */
function fetchText(url: string): Promise<string> {
  return new Promise((resolve) => {
    const call = get(url, { timeout: 5_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString() : ""));
      answer.on("error", () => resolve(""));
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(""));
  });
}
