import { type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { envoyTypes } from "#api/envoy/types.ts";
import type { ApplyTo } from "#api/istio/envoy-filter.ts";

/** The message of Envoy's API that a patch's value is. */
const typeNames: Readonly<Record<ApplyTo, string>> = {
  LISTENER: "envoy.config.listener.v3.Listener",
  FILTER_CHAIN: "envoy.config.listener.v3.FilterChain",
  NETWORK_FILTER: "envoy.config.listener.v3.Filter",
  HTTP_FILTER: "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
  ROUTE_CONFIGURATION: "envoy.config.route.v3.RouteConfiguration",
  VIRTUAL_HOST: "envoy.config.route.v3.VirtualHost",
  HTTP_ROUTE: "envoy.config.route.v3.Route",
  CLUSTER: "envoy.config.cluster.v3.Cluster",
  EXTENSION_CONFIG: "envoy.config.core.v3.TypedExtensionConfig",
  BOOTSTRAP: "envoy.config.bootstrap.v3.Bootstrap",
  LISTENER_FILTER: "envoy.config.listener.v3.ListenerFilter",
};

/** The type of what `applyTo` patches. */
export function patchedType(applyTo: ApplyTo): DescMessage {
  const type = envoyTypes().getMessage(typeNames[applyTo]);
  if (type === undefined) throw new Error(`${typeNames[applyTo]} isn't among Envoy's types: generate them again`);
  return type;
}

/**
 * The message that a patch's value says. With `lenient`, fields and enum values that this version of Envoy's API doesn't have are left
 * out. Throws an Error that says where the value doesn't fit.
 */
export function patchValue(applyTo: ApplyTo, value: unknown, { lenient }: { readonly lenient: boolean }): Message {
  const type = patchedType(applyTo);
  try {
    return fromJson(type, value as JsonValue, { registry: envoyTypes(), ignoreUnknownFields: lenient });
  } catch (error) {
    throw new Error(explain(error instanceof Error ? error.message : String(error)), { cause: error });
  }
}

/** Says of the library's messages what can be done. */
function explain(message: string): string {
  const [, unknown] = /([\w./-]+) is not in the type registry/.exec(message) ?? [];
  if (unknown === undefined) return message.replace(/^cannot decode \w+ (\S+) from JSON: /, "$1: ");
  const name = unknown.slice(unknown.lastIndexOf("/") + 1);
  const hint = /\.v2\.|\.v2alpha\d*\.|^envoy\.config\.filter\./.test(name)
    ? "use the type of API v3"
    : "check its name; a type that Envoy has and Weft doesn't know can be written as a udpa.type.v1.TypedStruct";
  return `the type ${name} is unknown: ${hint}`;
}
