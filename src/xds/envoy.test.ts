import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { Cluster_DiscoveryType, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "#api/envoy/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { silentLog } from "#log/log.ts";
import { createAdsServer } from "./ads-server.ts";
import { createGrpcServer, type GrpcServer } from "./grpc-server.ts";
import { type Resource, shortTypeName, typeUrls } from "./resource.ts";
import { sharedSet } from "./resource-set.ts";
import { eventually, freePort, get, startEnvoy, upstream } from "./test-envoy.ts";

function resource<D extends DescMessage>(schema: D, name: string, init: MessageInitShape<D>): Resource {
  const any = toBinary(AnySchema, anyPack(schema, create(schema, init)));
  return { name, version: Buffer.from(any).toString("base64").slice(-40) + any.length, any };
}

const ads = {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: 2,
  initialFetchTimeout: { seconds: 0n },
} as const;

function address(port: number): { address: { case: "socketAddress"; value: object } } {
  return {
    address: {
      case: "socketAddress",
      value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } },
    },
  };
}

function endpointsAt(name: string, port: number): Resource {
  return resource(ClusterLoadAssignmentSchema, name, {
    clusterName: name,
    endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: address(port) } } }] }],
  });
}

function clusterOf(name: string, seconds: number): Resource {
  return resource(ClusterSchema, name, {
    name,
    connectTimeout: { seconds: BigInt(seconds) },
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads },
  });
}

/** A cluster that Envoy can read but not use. */
function uselessCluster(name: string): Resource {
  return resource(ClusterSchema, name, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
  });
}

function listenerAt(name: string, port: number, routeName: string): Resource {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: "test",
    routeSpecifier: { case: "rds", value: { routeConfigName: routeName, configSource: ads } },
    httpFilters: [
      {
        name: "envoy.filters.http.router",
        configType: { case: "typedConfig", value: anyPack(RouterSchema, create(RouterSchema)) },
      },
    ],
  });
  const config = { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, manager) } as const;
  return resource(ListenerSchema, name, {
    name,
    address: address(port),
    filterChains: [{ filters: [{ name: "http", configType: config }] }],
  });
}

function routeTo(name: string, cluster: string): Resource {
  return resource(RouteConfigurationSchema, name, {
    name,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } },
          },
        ],
      },
    ],
  });
}

class World {
  readonly types = new Map<string, Resource[]>();
  readonly sent: string[] = [];
  readonly rejected: string[] = [];
  converged = 0;
}

/** An xDS server over the world, on a port that stays the same over restarts. */
async function serve(world: World, port: number): Promise<{ push(): void; stop(): Promise<void>; port: number }> {
  const server = createAdsServer({
    log: silentLog,
    controlPlane: "test",
    authenticate: () => {},
    open: (node) => ({
      id: node.id,
      view: () => {
        const types = new Map(world.types);
        return {
          version: "1",
          generate: (type, names) =>
            sharedSet(
              (types.get(type) ?? [])
                .filter(({ name }) => !names || names.has(name))
                .sort((a, b) => (a.name < b.name ? -1 : 1)),
            ),
        };
      },
      onSent: (type, { resources }) => world.sent.push(`${shortTypeName(type)} ${resources}`),
      onRejected: ({ typeUrl }, { names, message }) =>
        world.rejected.push(`${shortTypeName(typeUrl)} ${names.join(",")}: ${message}`),
      onConverged: () => {
        world.converged += 1;
      },
    }),
  });
  const grpc: GrpcServer = createGrpcServer({ methods: server.methods, log: silentLog });
  const bound = await grpc.listen(port, "127.0.0.1");
  return {
    port: bound,
    push: () => server.push("all"),
    stop: async () => {
      server.stop();
      await grpc.shutdown();
    },
  };
}

const node = { id: "sidecar~127.0.0.1~a.b~b.svc.cluster.local", cluster: "a.b", metadata: { NAMESPACE: "b" } };

for (const variant of ["delta", "sotw"] as const) {
  test(`Envoy serves what it is told (${variant})`, { skip: findEnvoy() ? false : "there is no Envoy" }, async (t) => {
    const world = new World();
    const [first, second] = [await upstream(t, "first"), await upstream(t, "second")];
    const firstPort = await freePort();
    world.types.set(typeUrls.cluster, [clusterOf("a", 1), clusterOf("b", 1)]);
    world.types.set(typeUrls.endpoint, [endpointsAt("a", first), endpointsAt("b", second)]);
    world.types.set(typeUrls.listener, [listenerAt("l", firstPort, "r")]);
    world.types.set(typeUrls.route, [routeTo("r", "a")]);
    let server = await serve(world, 0);
    t.after(() => server.stop());
    await startEnvoy(t, { variant, node, xdsPort: server.port });
    await eventually(async () => assert.equal(await get(firstPort), "200 first"));

    await t.test("a new route is taken", async () => {
      world.types.set(typeUrls.route, [routeTo("r", "b")]);
      server.push();
      await eventually(async () => assert.equal(await get(firstPort), "200 second"));
    });

    await t.test("a changed cluster is warmed with endpoints that didn't change", async () => {
      world.types.set(typeUrls.cluster, [clusterOf("a", 1), clusterOf("b", 2)]);
      world.types.set(typeUrls.endpoint, [endpointsAt("a", first), endpointsAt("b", second)]);
      const before = world.converged;
      server.push();
      await eventually(() => assert.ok(world.converged > before));
      world.types.set(typeUrls.endpoint, [endpointsAt("a", first), endpointsAt("b", first)]);
      server.push();
      await eventually(async () => assert.equal(await get(firstPort), "200 first"));
    });

    // A constraint of the proto is broken by 0 s: Envoy drops the whole response, and delta can send the parts alone.
    const bad = variant === "delta" ? [uselessCluster("b"), clusterOf("b", 0)] : [uselessCluster("b")];
    for (const [index, cluster] of bad.entries())
      await t.test(`a resource that Envoy rejects leaves the others and its last good form (${index})`, async () => {
        const [name, port] = [`new-${index}`, await freePort()];
        world.rejected.length = 0;
        world.types.set(typeUrls.cluster, [clusterOf("a", 1), cluster, clusterOf(name, 1)]);
        world.types.set(typeUrls.endpoint, [
          endpointsAt("a", first),
          endpointsAt("b", first),
          endpointsAt(name, second),
        ]);
        world.types.set(typeUrls.listener, [listenerAt("l", firstPort, "r"), listenerAt(name, port, name)]);
        world.types.set(typeUrls.route, [routeTo("r", "b"), routeTo(name, name)]);
        server.push();
        await eventually(async () => assert.equal(await get(port), "200 second", world.rejected.join("; ")));
        assert.equal(await get(firstPort), "200 first");
        assert.ok(world.rejected.some((line) => line.startsWith("cds b: ")));
      });

    await t.test("after a restart only what changed is sent, and traffic goes on meanwhile", async () => {
      world.types.set(typeUrls.cluster, [clusterOf("a", 1), clusterOf("b", 2)]);
      world.types.set(typeUrls.endpoint, [endpointsAt("a", first), endpointsAt("b", first)]);
      world.types.set(typeUrls.listener, [listenerAt("l", firstPort, "r")]);
      world.types.set(typeUrls.route, [routeTo("r", "b")]);
      const converged = world.converged;
      server.push();
      await eventually(() => assert.ok(world.converged > converged));
      await server.stop();
      assert.equal(await get(firstPort), "200 first");
      world.sent.length = 0;
      server = await serve(world, server.port);
      world.types.set(typeUrls.route, [routeTo("r", "a")]);
      await eventually(() => assert.ok(world.sent.length > 0));
      await sleep(500);
      if (variant === "delta") assert.deepEqual(world.sent, ["rds 1"]);
      else assert.ok(!world.sent.some((line) => line.startsWith("cds") || line.startsWith("lds")), String(world.sent));
      assert.equal(await get(firstPort), "200 first");
    });
  });
}
