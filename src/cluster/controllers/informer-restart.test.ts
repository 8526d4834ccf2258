import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createKubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { startInformer } from "#kube/informer.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { silentLog } from "#log/log.ts";
import { type ApiServer, createApiServer } from "../apiserver/server.ts";

async function startServer(t: TestContext, dataDir: string, port: number): Promise<ApiServer> {
  const none = async (): Promise<never> => Promise.reject(new Error("no runtime in this test"));
  const server = createApiServer({
    dataDir,
    port,
    bindAddresses: ["127.0.0.1"],
    extraNames: [],
    serviceCidr: "10.96.0.0/16",
    streams: { logs: none, exec: none, attach: none, portForward: none },
    clusterName: "test",
    log: silentLog,
    resolveService: async () => undefined,
  });
  await server.start();
  t.after(() => server.stop());
  return server;
}

test("an informer over HTTPS misses nothing when the API server restarts", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "weft-restart-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const first = await startServer(t, dataDir, 0);
  const { port } = first;
  const path = join(dataDir, "kubeconfig");
  await writeFile(path, first.adminKubeconfig());
  const client = createKubeClient(createHttpsTransport(loadKubeConfig({ path })));
  const write = (server: ApiServer, name: string) =>
    createKubeClient(server.transport({ username: "admin", groups: ["system:masters"] })).create(
      resourceTypes.configMaps,
      { metadata: { name, namespace: "default" } },
    );
  const stop = new AbortController();
  t.after(() => stop.abort());
  const seen: string[] = [];
  let expected = 3;
  const all = Promise.withResolvers<void>();
  const informer = startInformer(client, resourceTypes.configMaps, { signal: stop.signal, log: silentLog });
  informer.onChange(({ key, before }) => {
    seen.push(`${before ? "changed" : "came"} ${key}`);
    expected -= 1;
    if (expected === 0) all.resolve();
  });
  await informer.synced;
  await write(first, "before");
  await first.stop();
  const second = await startServer(t, dataDir, port);
  await write(second, "between");
  await write(second, "after");
  await all.promise;
  assert.deepEqual(seen, ["came default/before", "came default/between", "came default/after"]);
});
