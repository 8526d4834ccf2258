import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { GatewayClass, KubernetesGateway } from "#api/gateway-api/gateway.ts";
import { deployedObjects } from "#gateway-api/deployment/deployed-objects.ts";
import { classNamed, gatewayController } from "#gateway-api/gateway-class.ts";
import { mergeValues } from "#inject/merge-values.ts";
import { parseMap } from "#inject/parse-map.ts";
import { completeInjectValues } from "#inject/values.ts";
import type { AcceptCase } from "../suite.ts";

interface Case {
  readonly name: string;
  readonly gateway: KubernetesGateway;
  readonly watchedNamespaces?: readonly string[];
  readonly values?: string;
  readonly copyLabelsAnnotations?: boolean;
  readonly golden?: string;
  readonly ignored?: boolean;
}

/** How the goldens show values that their install didn't set. */
const unset = "<no value>";
const unsetValues = {
  global: {
    istioNamespace: unset,
    pilotCertProvider: unset,
    hub: "test",
    tag: "test",
    sds: { token: { aud: unset } },
    logging: { level: "<nil>" },
    proxy: { clusterDomain: unset, logLevel: "<nil>", componentLogLevel: "<nil>", resources: null },
  },
  revision: unset,
};

const customClass = {
  metadata: { name: "custom" },
  spec: { controllerName: gatewayController },
} as GatewayClass;

/** A case renders what is deployed for one Gateway. */
export default async function deploymentController(folder: string): Promise<readonly AcceptCase[]> {
  const { cases } = JSON.parse(await readFile(join(folder, "expectations.json"), "utf8")) as { cases: readonly Case[] };
  return cases.map((item) => {
    const skip = skipReason(item);
    return { name: item.name, ...(skip ? { skip } : {}), run: () => check(folder, item) };
  });
}

function skipReason({ gateway }: Case): string | undefined {
  const { gatewayClassName } = gateway.spec;
  if (gatewayClassName.includes("agentgateway")) return "the class is of another data plane than Envoy";
  return gatewayClassName.includes("waypoint") ? "waypoints belong to ambient mode" : undefined;
}

async function check(folder: string, { gateway, watchedNamespaces, values, ...item }: Case): Promise<void> {
  const info = classNamed(gateway.spec.gatewayClassName, { gatewayClasses: new Map([["custom", customClass]]) });
  assert.ok(info);
  const objects = deployedObjects(gateway, {
    info,
    values: completeInjectValues(mergeValues(unsetValues, parseMap(values ?? "", "values"))),
    mesh: {},
    revision: "default",
    environment: {},
    copiesMetadata: item.copyLabelsAnnotations ?? true,
    isWatched: (namespace) => watchedNamespaces?.includes(namespace) ?? true,
    moreListeners: [],
    customizations: {},
  });
  if (item.ignored) {
    assert.equal(objects, undefined);
    return;
  }
  const wanted = parseAllDocuments(await readFile(join(folder, item.golden ?? ""), "utf8")).flatMap(
    (document) => (document.toJS() as object | null) ?? [],
  );
  const shorten = ({ metadata, ...object }: NonNullable<typeof objects>[number]) =>
    object.kind === "Gateway"
      ? { ...object, metadata: { annotations: metadata.annotations } }
      : { metadata, ...object };
  assert.deepEqual(
    objects?.map(shorten).map((object) => comparable(object)),
    wanted.map((object) => comparable(object)),
  );
}

/** Without images, what is empty and what only the API server knows; lists of settings in JSON are read. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, inner]): [string, unknown][] => {
      if (key === "image" || (key === "uid" && !inner) || inner === undefined) return [];
      if (key === "emptyDir") return [[key, inner ?? {}]];
      const isJson = map["name"] === "ISTIO_META_POD_PORTS" || map["name"] === "PROXY_CONFIG";
      if (key === "value" && isJson && typeof inner === "string") return [[key, JSON.parse(inner) as unknown]];
      return [[key, comparable(inner)]];
    }),
  );
}
