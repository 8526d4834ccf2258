import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { createDiscovery } from "#istioctl/discovery.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { execInPod } from "#kube/exec.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { type KubeConfig, loadKubeConfig } from "#kube/kubeconfig.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { gatewayAddress, installMesh } from "../../src/demo/bookinfo.ts";
import { createWeftCommand } from "./weft-command.ts";

/** A cluster of its own with the mesh in it, for one test file. */
export interface Mesh {
  readonly client: KubeClient;
  /** Address of the ingress gateway's Service. */
  readonly gateway: string;
  readonly env: NodeJS.ProcessEnv;
  /** Creates or replaces objects. Those without a namespace go to {@link namespace}. */
  apply(...objects: readonly KubeObject[]): Promise<void>;
  remove(object: KubeObject): Promise<void>;
  /** Pods that run and aren't on their way out. */
  pods(app: string, inNamespace?: string): Promise<readonly Pod[]>;
  /** Resolves when all replicas of the Deployment are of its newest form and ready. */
  rolledOut(deployment: string, inNamespace?: string): Promise<void>;
  /** As `kubectl rollout restart`, and waits for the end of it. */
  restart(deployment: string, inNamespace?: string): Promise<void>;
  /** Runs a command in the container `app` of a pod; fails the test on another exit code than 0. */
  run(pod: string, command: readonly string[], seconds?: number): Promise<string>;
  down(): Promise<void>;
}

/** Where test workloads are; it has injection on. */
export const namespace = "shop";
const deployments = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true };

export async function startMesh(name: string): Promise<Mesh> {
  const weft = createWeftCommand({ WEFT_CLUSTER: name });
  const env = { ...process.env, KUBECONFIG: weft.kubeconfig, WEFT_CLUSTER: name };
  const down = async (): Promise<void> => {
    await weft.run("down");
    weft.remove();
  };
  const up = await weft.run("up");
  if (up.code !== 0) {
    await down();
    assert.fail(up.stderr);
  }
  const config: KubeConfig = loadKubeConfig({ path: weft.kubeconfig });
  const client = createKubeClient(createHttpsTransport(config));
  await installMesh(`weft-${name}`, env);
  await client.create(resourceTypes.namespaces, {
    metadata: { name: namespace, labels: { "istio-injection": "enabled" } },
  });
  const discovery = createDiscovery(client);

  async function target(object: KubeObject) {
    const type = await discovery.resourceTypeOf(object);
    const where = object.metadata?.namespace ?? namespace;
    return { type, ref: { ...(type.namespaced ? { namespace: where } : {}), name: object.metadata?.name ?? "" } };
  }

  const mesh: Mesh = {
    client,
    gateway: await gatewayAddress(client),
    env,
    async apply(...objects) {
      for (const object of objects) {
        const { type, ref } = await target(object);
        await client.patch(type, { ...ref, as: "apply", fieldManager: "test", force: true, patch: object });
      }
    },
    async remove(object) {
      const { type, ref } = await target(object);
      await client.delete(type, ref);
    },
    async pods(app, inNamespace = namespace) {
      const { items } = await client.list<Pod>(resourceTypes.pods, {
        namespace: inNamespace,
        labelSelector: `app=${app}`,
      });
      return items.filter(({ metadata, status }) => !metadata?.deletionTimestamp && status?.phase === "Running");
    },
    async rolledOut(deployment, inNamespace = namespace) {
      type Deployment = KubeObject & {
        spec?: { replicas?: number };
        status?: {
          observedGeneration?: number;
          updatedReplicas?: number;
          availableReplicas?: number;
          replicas?: number;
        };
      };
      let found: Deployment | undefined;
      for (const end = Date.now() + 120_000; Date.now() < end; await sleep(200)) {
        found = await client.get<Deployment>(deployments, { namespace: inNamespace, name: deployment });
        const { observedGeneration, updatedReplicas, availableReplicas, replicas } = found.status ?? {};
        const wanted = found.spec?.replicas ?? 1;
        const isCurrent = observedGeneration === found.metadata?.generation;
        if (isCurrent && updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted) return;
      }
      assert.fail(`${deployment} isn't rolled out: ${JSON.stringify(found?.status)}`);
    },
    async restart(deployment, inNamespace = namespace) {
      const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
      await client.patch(deployments, {
        namespace: inNamespace,
        name: deployment,
        as: "strategic-merge",
        patch: { spec: { template: { metadata: { annotations } } } },
      });
      await mesh.rolledOut(deployment, inNamespace);
    },
    async run(pod, command, seconds = 60) {
      const { stdout, stderr, exitCode } = await execInPod(config, {
        namespace,
        pod,
        container: "app",
        command,
        timeoutMs: seconds * 1000,
        maxOutputBytes: 4e6,
      });
      assert.equal(exitCode, 0, `${pod}: ${command.join(" ")}\n${stdout.toString()}${stderr}`);
      return stdout.toString();
    },
    down,
  };
  return mesh;
}

/** A ConfigMap with the programs of `pods/`, for {@link programsVolume}. */
export function programs(...names: readonly string[]): KubeObject {
  const data = Object.fromEntries(
    names.map((name) => [name, readFileSync(join(import.meta.dirname, "pods", name), "utf8")]),
  );
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "programs" }, data } as KubeObject;
}

export interface Workload {
  readonly name: string;
  /** Arguments of Node; programs are in `/programs`. */
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort?: number }[];
  readonly replicas?: number;
  /** The Service's selector is the `app` alone. */
  readonly version?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the pods, beside `app` and `version`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly container?: object;
  readonly pod?: object;
  readonly volumes?: readonly { readonly name: string; readonly mountPath: string; readonly source: object }[];
}

/** A Deployment of a program of `pods/`, with a Service where it has ports. */
export function workload({ name, args, ports = [], version = "v1", ...more }: Workload): readonly KubeObject[] {
  const labels = { app: name, version };
  const volumes = [
    { name: "programs", mountPath: "/programs", source: { configMap: { name: "programs" } } },
    ...(more.volumes ?? []),
  ];
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `${name}-${version}` },
    spec: {
      replicas: more.replicas ?? 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, ...more.labels }, annotations: more.annotations ?? {} },
        spec: {
          containers: [
            {
              name: "app",
              image: "node:24",
              command: ["node", ...args],
              env: [{ name: "VERSION", value: version }],
              ports: ports.map((port) => ({ containerPort: port.targetPort ?? port.port })),
              volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: volume.mountPath })),
              ...more.container,
            },
          ],
          volumes: volumes.map((volume) => ({ name: volume.name, ...volume.source })),
          ...more.pod,
        },
      },
    },
  };
  const service = { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { app: name }, ports } };
  return ports.length > 0 ? [service, deployment] : [deployment];
}
