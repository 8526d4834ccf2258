import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { envoyTypes } from "#api/envoy/types.ts";
import type { Proxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { AcceptCase } from "./suite.ts";
import { comparable } from "./xds/comparable.ts";
import { isGenerated, meshInput, readProxies, readScenario } from "./xds/mesh.ts";
import { type Section, schemas, sections, wholeConfig } from "./xds/proxy-config.ts";

const baseline = "00-nothing";

type Whole = Readonly<Record<Section, readonly JsonObject[]>>;
type Changes = Readonly<
  Record<Section, { readonly changed: readonly JsonObject[]; readonly removed: readonly string[] }>
>;

/** A case is one proxy in one scenario: all it gets, compared with all that Istio gives it. */
export default async function xds(folder: string): Promise<readonly AcceptCase[]> {
  const proxies = readProxies(folder);
  const scenarios = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return scenarios.flatMap(({ name }) => {
    const resources = readScenario(folder, name);
    const foreign = [...new Set(resources.map(({ kind }) => kind))].filter((kind) => !isGenerated(kind));
    const skip =
      foreign.length > 0 ? `the input has kinds that proxies don't get yet: ${foreign.join(", ")}` : undefined;
    return [...proxies].map(([proxyName, proxy]) => ({
      name: `${name}/${proxyName}`,
      ...(skip === undefined ? {} : { skip }),
      run: () => check(folder, name, proxyName, proxy),
    }));
  });
}

function check(folder: string, scenario: string, proxyName: string, proxy: Proxy): void {
  const snapshot = buildSnapshot(undefined, meshInput(folder, readScenario(folder, scenario)), {});
  assert.deepEqual(snapshot.problems, []);
  const actual = wholeConfig(proxyView(snapshot, proxy));
  for (const section of sections) {
    const want = expected(folder, scenario, proxyName, section);
    assert.deepEqual([...actual[section].keys()].sort(), [...want.keys()].sort(), `names of ${section}`);
    for (const [name, resource] of want) {
      const got = actual[section].get(name) ?? {};
      const schema = schemas[section];
      assert.deepEqual(
        comparable(schema, envoyTypes(), got),
        comparable(schema, envoyTypes(), resource),
        `${section} ${name}`,
      );
    }
  }
}

/** What the proxy had without any Istio resource, and what the scenario changed of it. */
function expected(folder: string, scenario: string, proxy: string, section: Section): Map<string, JsonObject> {
  const whole = JSON.parse(readFileSync(join(folder, baseline, `${proxy}.json`), "utf8")) as Whole;
  const result = new Map(whole[section].map((resource) => [nameOf(resource), resource]));
  const file = join(folder, scenario, `${proxy}.json`);
  if (scenario === baseline || !existsSync(file)) return result;
  const { changed, removed } = (JSON.parse(readFileSync(file, "utf8")) as Changes)[section];
  for (const name of removed) result.delete(name);
  for (const resource of changed) result.set(nameOf(resource), resource);
  return result;
}

function nameOf(resource: JsonObject): string {
  return (resource["name"] ?? resource["clusterName"]) as string;
}
