import type { KubeClient } from "#kube/client.ts";
import { type KubeObject, objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { deleteIfPresent } from "../install/apply.ts";
import type { RouteRule } from "./route-rule.ts";
import { rulesAnnotation, translatedName, translateRules } from "./translate.ts";

const types = { VirtualService: resourceTypes.virtualServices, DestinationRule: resourceTypes.destinationRules };

/** The rules of a namespace, read back from the resources they were translated to. */
export async function listRules(client: KubeClient, namespace: string): Promise<RouteRule[]> {
  const { items } = await client.list(resourceTypes.virtualServices, { namespace });
  return items.flatMap(rulesOf);
}

/** Writes the rules of one host anew: what is in `rules` and belongs to `name`. No rules left: the resources go. */
export async function writeRules(
  client: KubeClient,
  namespace: string,
  name: string,
  rules: readonly RouteRule[],
): Promise<void> {
  const wanted = translateRules(
    rules.filter((rule) => translatedName(rule) === name),
    namespace,
  );
  for (const object of wanted) {
    const type = types[object.kind as keyof typeof types];
    await client.patch(type, {
      namespace,
      name: object.metadata?.name ?? "",
      patch: object,
      as: "apply",
      fieldManager: "istioctl-route-rules",
      force: true,
    });
  }
  const keys = new Set(wanted.map((object) => `${object.kind} ${objectKey(object)}`));
  for (const type of [types.VirtualService, types.DestinationRule]) {
    const { items } = await client.list(type, { namespace });
    for (const object of items) {
      if (belongsTo(object, name) && !keys.has(`${object.kind} ${objectKey(object)}`))
        await deleteIfPresent(client, type, object);
    }
  }
}

function belongsTo(object: KubeObject, name: string): boolean {
  const annotation = object.metadata?.annotations?.[rulesAnnotation];
  if (annotation === undefined) return false;
  return object.kind === "VirtualService" ? object.metadata?.name === name : annotation === name;
}

function rulesOf(virtualService: KubeObject): RouteRule[] {
  const text = virtualService.metadata?.annotations?.[rulesAnnotation];
  if (text === undefined) return [];
  try {
    return JSON.parse(text) as RouteRule[];
  } catch (cause) {
    throw new Error(
      `VirtualService ${objectKey(virtualService)}: annotation ${rulesAnnotation} isn't JSON; delete the VirtualService`,
      { cause },
    );
  }
}
