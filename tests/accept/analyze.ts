import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import { analyze } from "#istioctl/analyze/analysis.ts";
import type { Analyzer } from "#istioctl/analyze/analyzer.ts";
import { analyzers } from "#istioctl/analyze/analyzers.ts";
import { catalogue, describe } from "#istioctl/analyze/message.ts";
import { parseObjects } from "#istioctl/analyze/parse-objects.ts";
import type { AcceptCase, AcceptSuite } from "./suite.ts";

interface Case {
  readonly name: string;
  readonly input: readonly string[];
  readonly meshConfigFile?: string;
  readonly analyzer: string | null;
  readonly expected: readonly { readonly code: string; readonly level: string; readonly resource: string }[];
}

/** Kinds whose analyzers must be there: a missing one fails, whatever the table below says. */
const promised = ["authn.", "virtualservice.", "destinationrule.", "gateway.", "envoyfilter.", "schema."];

/** What the packages of Istio's other analyzers look at. */
const unwatched: Readonly<Record<string, string>> = {
  deployment: "Deployments and the Services they are behind",
  externalcontrolplane: "external control planes",
  injection: "proxy images",
  k8sgateway: "versions of the Gateway API's definitions",
  maturity: "annotations in alpha (it isn't among Istio's default ones)",
  telemetry: "Telemetry",
};

/** What upstream's tests add to every input: the gateway of a default installation. */
const ingressGateway = `
apiVersion: v1
kind: Pod
metadata: { name: istio-ingressgateway-1, namespace: istio-system, labels: { istio: ingressgateway } }
spec: { containers: [{ name: istio-proxy }] }
---
apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  selector: { istio: ingressgateway }
  ports: [{ name: http2, port: 80 }, { name: https, port: 443 }, { name: tcp, port: 31400 }, { name: tls, port: 15443 }]
`;

/**
 * A case runs one analyzer. The upstream test of a case without analyzer runs one that it makes for the kind of the input: schema
 * validation.
 */
const suite: AcceptSuite = async (folder) => {
  const { cases } = JSON.parse(await readFile(join(folder, "expectations.json"), "utf8")) as { cases: Case[] };
  return [
    ...cases.map((item): AcceptCase => {
      const chosen = analyzers.filter(({ name }) =>
        item.analyzer === null ? name.startsWith("schema.ValidationAnalyzer.") : name === item.analyzer,
      );
      const reason = chosen.length === 0 ? whySkipped(item.analyzer ?? "") : undefined;
      return {
        name: item.name,
        ...(reason === undefined ? {} : { skip: reason }),
        run: () => check(folder, item, chosen),
      };
    }),
    { name: "message catalogue", run: () => checkCatalogue(folder) },
  ];
};

export default suite;

function whySkipped(analyzer: string): string | undefined {
  if (promised.some((prefix) => analyzer.startsWith(prefix))) return undefined;
  const subject = unwatched[analyzer.split(".", 1)[0] ?? ""];
  return subject && `no analyzer yet for ${subject}`;
}

async function check(folder: string, item: Case, chosen: readonly Analyzer[]): Promise<void> {
  assert.notEqual(chosen.length, 0, `there is no analyzer ${item.analyzer}`);
  const texts = await Promise.all(item.input.map((path) => readFile(join(folder, path), "utf8")));
  const parsed = [ingressGateway, ...texts].map((text, index) => parseObjects(text, item.input[index - 1] ?? ""));
  assert.deepEqual(
    parsed.flatMap(({ problems }) => problems),
    [],
  );
  const meshConfig: InjectMeshConfig = item.meshConfigFile
    ? parseMeshConfig(await readFile(join(folder, item.meshConfigFile), "utf8"))
    : {};
  const { messages } = analyze(chosen, {
    objects: parsed.flatMap(({ objects }) => objects.map(({ object }) => object)),
    meshConfig,
    rootNamespace: "istio-system",
    fromCluster: true,
    namespace: undefined,
    suppressions: [],
  });
  const lines = (found: readonly { code: string; level: string; resource: string }[]): string[] =>
    found.map(({ code, level, resource }) => `${level} ${code} ${resource}`).sort();
  assert.deepEqual(
    lines(messages.map(({ code, level, object }) => ({ code, level, resource: describe(object) }))),
    lines(item.expected),
  );
}

/** Our messages are Istio's, by name, code and level. */
async function checkCatalogue(folder: string): Promise<void> {
  const { messages } = parse(await readFile(join(folder, "messages.yaml"), "utf8")) as {
    messages: { name: string; code: string; level: string }[];
  };
  const known = new Map(messages.map(({ name, code, level }) => [name, { code, level }]));
  for (const [name, own] of Object.entries(catalogue)) assert.deepEqual(own, known.get(name), name);
}
