import { type DescMessage, fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import { generate } from "#envoy/generate.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { type Resource, typeUrls } from "#xds/resource.ts";

export const sections = ["clusters", "listeners", "routes", "endpoints"] as const;
export type Section = (typeof sections)[number];

export const schemas: Readonly<Record<Section, DescMessage>> = {
  clusters: ClusterSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
  endpoints: ClusterLoadAssignmentSchema,
};

/** All that a proxy ends up with, as JSON by name: it asks for the endpoints and routes that its clusters and listeners name. */
export function wholeConfig(view: ProxyView): Readonly<Record<Section, ReadonlyMap<string, JsonObject>>> {
  const clusters = decode("clusters", generate(view, typeUrls.cluster));
  const listeners = decode("listeners", generate(view, typeUrls.listener));
  const services = [...clusters].filter(([, cluster]) => cluster["type"] === "EDS").map(([name]) => name);
  const tables = [...JSON.stringify([...listeners.values()]).matchAll(/"routeConfigName":"([^"]+)"/g)];
  return {
    clusters,
    listeners,
    routes: decode(
      "routes",
      generate(
        view,
        typeUrls.route,
        tables.map(([, name = ""]) => name),
      ),
    ),
    endpoints: decode("endpoints", generate(view, typeUrls.endpoint, services)),
  };
}

function decode(section: Section, resources: readonly Resource[]): ReadonlyMap<string, JsonObject> {
  const schema = schemas[section];
  return new Map(
    resources.map(({ name, any }) => [
      name,
      toJson(schema, fromBinary(schema, fromBinary(AnySchema, any).value), { registry: envoyTypes() }) as JsonObject,
    ]),
  );
}
