import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigMap, Namespace, Secret, Service } from "kubernetes-types/core/v1.d.ts";
import { parseAllDocuments } from "yaml";
import type { ResourceCondition } from "#api/gateway-api/object.ts";
import { createSelfSignedRoot } from "#ca/certificate.ts";
import { convertGatewayApi } from "#gateway-api/convert.ts";
import type { GatewayApiInput, GatewayService } from "#gateway-api/input.ts";
import type { AcceptCase } from "../suite.ts";

interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: unknown;
}

interface EnvironmentService {
  readonly hostname: string;
  readonly attributes: {
    readonly namespace: string;
    readonly clusterExternalAddresses?: { readonly addresses: Readonly<Record<string, readonly string[]>> };
  };
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

interface Expectations {
  readonly environment: {
    readonly services: readonly EnvironmentService[];
    readonly objects: readonly {
      readonly objectMeta: { readonly name: string; readonly namespace: string };
      readonly data: Readonly<Record<string, string>>;
    }[];
  };
  readonly cases: readonly { readonly name: string; readonly input: string; readonly status: string }[];
}

/** Comes in the place of pairs whose key isn't in the data. */
type Pair = Awaited<ReturnType<typeof createSelfSignedRoot>>;

const clusterDomain = "domain.suffix";

/** A case converts the resources of one file; the status of every resource is compared. */
export default async function conversion(folder: string): Promise<readonly AcceptCase[]> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
  const { environment, cases } = JSON.parse(await read("expectations.json")) as Expectations;
  const pair = await createSelfSignedRoot("test", new Date());
  return Promise.all(
    cases.map(async ({ name, input, status }) => {
      const [given, wanted] = (await Promise.all([read(input), read(status)])).map(documents);
      return { name, run: () => check(inputOf(environment, given ?? [], pair), wanted ?? []) };
    }),
  );
}

function documents(text: string): readonly Item[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Item | null) ?? []);
}

function check(input: GatewayApiInput, wanted: readonly Item[]): void {
  const { statuses } = convertGatewayApi(input);
  const actual = new Map(statuses.map(({ object, status }) => [idOf(object as Item), status]));
  const compared = wanted.filter(({ kind }) => kind !== "InferencePool");
  assert.deepEqual([...actual.keys()].sort(), compared.map(idOf).sort());
  for (const item of compared.filter((one) => !leadsToPool(input, one)))
    assert.deepEqual(comparable(actual.get(idOf(item))), comparable(item.status), idOf(item));
}

/** Inference pools are an API of their own, which Istio only takes when it is told to, and Weft doesn't. */
function leadsToPool({ httpRoutes }: GatewayApiInput, { kind, metadata }: Item): boolean {
  const route = kind === "HTTPRoute" ? httpRoutes.get(keyOf(metadata)) : undefined;
  const backends = (route?.spec.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs);
  return backends.some((backend) => backend.kind === "InferencePool");
}

function idOf({ kind, metadata }: Item): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}

/** Without wording and times; conditions in the order of their types, and zero is absent. */
function comparable(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item));
    return key === "conditions"
      ? items.sort((a, b) => ((a as ResourceCondition).type < (b as ResourceCondition).type ? -1 : 1))
      : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const skipped = ["message", "lastTransitionTime"];
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, inner]) => !skipped.includes(name) && !isZero(inner))
      .map(([name, inner]) => [name, comparable(inner, name)]),
  );
}

function isZero(value: unknown): boolean {
  return value === null || value === undefined || value === 0 || (Array.isArray(value) && value.length === 0);
}

function inputOf(
  { services, objects }: Expectations["environment"],
  given: readonly Item[],
  pair: Pair,
): GatewayApiInput {
  const of = <T>(kind: string): ReadonlyMap<string, T> =>
    new Map(given.filter((item) => item.kind === kind).map((item) => [keyOf(item.metadata), item as T]));
  const kubeServices = new Map(of<Service>("Service"));
  for (const { hostname, attributes, ports } of services) {
    if (!hostname.endsWith(`.svc.${clusterDomain}`)) continue;
    const metadata = { name: hostname.split(".", 1)[0] ?? "", namespace: attributes.namespace };
    kubeServices.set(keyOf(metadata), { metadata, spec: { ports: ports.map(({ name, port }) => ({ name, port })) } });
  }
  const secrets = new Map<string, Secret>();
  const configMaps = new Map<string, ConfigMap>();
  for (const { objectMeta: metadata, data } of objects) {
    const key = keyOf(metadata);
    if (data["tls.crt"] !== undefined) secrets.set(key, { metadata, data: secretData(data, pair) });
    else configMaps.set(key, { metadata, data: { ...data } });
  }
  return {
    gatewayClasses: of("GatewayClass"),
    kubernetesGateways: of("Gateway"),
    listenerSets: of("ListenerSet"),
    httpRoutes: of("HTTPRoute"),
    grpcRoutes: of("GRPCRoute"),
    tcpRoutes: of("TCPRoute"),
    tlsRoutes: of("TLSRoute"),
    referenceGrants: of("ReferenceGrant"),
    backendTLSPolicies: of("BackendTLSPolicy"),
    backendTrafficPolicies: of("XBackendTrafficPolicy"),
    services: kubeServices,
    namespaces: namespacesOf(given, services),
    secrets,
    configMaps,
    serviceEntries: of("ServiceEntry"),
    clusterDomain,
    rootNamespace: "istio-system",
    servicesNamed: (hostname) => services.filter((service) => service.hostname === hostname).map(gatewayService),
    now: "2026-01-01T00:00:00Z",
  };
}

function keyOf({ name, namespace }: Item["metadata"]): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function secretData(data: Readonly<Record<string, string>>, pair: Pair): Record<string, string> {
  const isPlaceholder = data["tls.key"]?.startsWith("<") ?? false;
  const base64 = (text = ""): string => Buffer.from(text).toString("base64");
  return {
    "tls.crt": base64(isPlaceholder ? pair.certificatePem : data["tls.crt"]),
    "tls.key": base64(isPlaceholder ? pair.keyPem : data["tls.key"]),
  };
}

function namespacesOf(given: readonly Item[], services: readonly EnvironmentService[]): Map<string, Namespace> {
  const names = [
    ...given.flatMap(({ metadata }) => metadata.namespace ?? []),
    ...services.map(({ attributes }) => attributes.namespace),
  ];
  const labels = (name: string) => ({ "istio.io/test-name-part": name.split("-", 1)[0] ?? "" });
  return new Map(names.map((name) => [name, { metadata: { name, labels: labels(name) } }]));
}

function gatewayService({ attributes, ports }: EnvironmentService): GatewayService {
  return {
    namespace: attributes.namespace,
    ports: ports.map(({ port }) => port),
    endpoints: ports.map(({ port }) => ({ port, targetPort: port })),
    addresses: [],
    external: Object.values(attributes.clusterExternalAddresses?.addresses ?? {}).flat(),
    isLoadBalancer: false,
    isManaged: false,
  };
}
