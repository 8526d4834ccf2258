import type { ConfigMap, Container, EnvVarSource, Pod, Secret, Service } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { type DownwardFacts, fieldValue, resourceValue } from "./downward.ts";
import { type Environment, expand, serviceVariables } from "./env.ts";
import type { Image } from "./seams.ts";
import { configMapEntries, secretEntries } from "./volumes/projection.ts";

/** The container can't be made as its spec says; becomes `CreateContainerConfigError` with this message. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

export interface EnvironmentOptions {
  readonly client: KubeClient;
  readonly pod: Pod;
  readonly container: Container;
  readonly image: Image;
  readonly facts: DownwardFacts;
  readonly hostname: string;
  readonly home: string;
  /** Lowest precedence, for the runtime's own purposes. */
  readonly base: Readonly<Record<string, string>>;
  /** Address of the `kubernetes` Service. */
  readonly apiServiceHost: string;
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The variables of a container; rejects with {@link ContainerConfigError} when a reference leads nowhere. */
export async function containerEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { pod, container, image } = options;
  const env = new Map<string, string>([
    ["PATH", path],
    ["HOSTNAME", options.hostname],
    ["HOME", options.home],
    ...(container.tty ? [["TERM", "xterm"] as const] : []),
    ...Object.entries(options.base),
    ...Object.entries(image.env),
    ...(await serviceLinks(options)),
  ]);
  for (const source of container.envFrom ?? []) {
    const found = source.configMapRef
      ? await configMap(options, source.configMapRef.name ?? "", source.configMapRef.optional)
      : await secret(options, source.secretRef?.name ?? "", source.secretRef?.optional);
    for (const [key, data] of found ?? []) env.set(`${source.prefix ?? ""}${key}`, Buffer.from(data).toString());
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (!valueFrom) env.set(name, expand(value ?? "", env));
    else {
      const found = await referenced(options, pod, name, valueFrom);
      if (found !== undefined) env.set(name, found);
    }
  }
  return env;
}

async function serviceLinks({ client, pod, apiServiceHost }: EnvironmentOptions): Promise<[string, string][]> {
  const api = { name: "kubernetes", clusterIP: apiServiceHost, ports: [{ name: "https", port: 443, protocol: "TCP" }] };
  const links = serviceVariables(api).map(([name, value]): [string, string] => [name, value]);
  if (pod.spec?.enableServiceLinks === false) return links;
  const { items } = await client.list<Service>(resourceTypes.services, { namespace: pod.metadata?.namespace ?? "" });
  for (const { metadata, spec } of items) {
    const facts = { name: metadata?.name ?? "", clusterIP: spec?.clusterIP ?? "", ports: spec?.ports ?? [] };
    for (const [name, value] of serviceVariables(facts)) links.push([name, value]);
  }
  return links;
}

async function referenced(
  options: EnvironmentOptions,
  pod: Pod,
  variable: string,
  from: EnvVarSource,
): Promise<string | undefined> {
  const { container, facts } = options;
  if (from.fieldRef) {
    const value = fieldValue(pod, from.fieldRef.fieldPath, facts);
    if (value === undefined)
      throw new ContainerConfigError(`env ${variable}: unknown fieldPath "${from.fieldRef.fieldPath}"`);
    return value;
  }
  if (from.resourceFieldRef) {
    const { containerName, resource, divisor } = from.resourceFieldRef;
    const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
    const owner = containerName ? all.find(({ name }) => name === containerName) : container;
    const reference = { resource, ...(divisor ? { divisor } : {}) };
    const value = owner && resourceValue(owner, reference, facts.capacity);
    if (value === undefined) throw new ContainerConfigError(`env ${variable}: unknown resource "${resource}"`);
    return value;
  }
  const { name = "", key = "", optional } = from.configMapKeyRef ?? from.secretKeyRef ?? {};
  const isConfigMap = from.configMapKeyRef !== undefined;
  const entries = isConfigMap ? await configMap(options, name, optional) : await secret(options, name, optional);
  const data = entries?.get(key);
  if (data === undefined && !optional)
    throw new ContainerConfigError(`couldn't find key ${key} in ${isConfigMap ? "ConfigMap" : "Secret"} ${name}`);
  return data === undefined ? undefined : Buffer.from(data).toString();
}

type Found = ReadonlyMap<string, Uint8Array> | undefined;

async function configMap(options: EnvironmentOptions, name: string, optional = false): Promise<Found> {
  const namespace = options.pod.metadata?.namespace ?? "default";
  const object = await options.client.find<ConfigMap>(resourceTypes.configMaps, { namespace, name });
  if (object === undefined && !optional) throw new ContainerConfigError(`configmap "${name}" not found`);
  return object && configMapEntries(object);
}

async function secret(options: EnvironmentOptions, name: string, optional = false): Promise<Found> {
  const namespace = options.pod.metadata?.namespace ?? "default";
  const object = await options.client.find<Secret>(resourceTypes.secrets, { namespace, name });
  if (object === undefined && !optional) throw new ContainerConfigError(`secret "${name}" not found`);
  return object && secretEntries(object);
}
