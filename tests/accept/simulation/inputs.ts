import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { envoyAccepts, noEnvoy, staticBootstrap } from "#envoy/static-bootstrap.fixture.ts";
import type { AcceptCase } from "../suite.ts";
import { type Item, inputOf, parseItems } from "../xds/mesh.ts";
import { proxyOf, skipOf } from "./mesh.ts";

/** Everything that is made from these files, for a sidecar and for a gateway, is put before Envoy. */
export function inputCases(folder: string): readonly AcceptCase[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const read = files
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => ({ file, items: parseItems(readFileSync(join(folder, file), "utf8")) }))
    .filter(({ items }) => items.length > 0);
  const usable = read.flatMap(({ items }) => items).filter((item) => skipOf([item]) === undefined);
  return [...read, { file: "all of them together", items: usable }].flatMap(({ file, items }) =>
    (["sidecar", "router"] as const).map((type): AcceptCase => {
      const skip = noEnvoy || skipOf(items);
      return {
        name: `inputs/${file}/${type}`,
        ...(skip ? { skip } : {}),
        run: () => {
          const namespace = items[0]?.metadata.namespace ?? "default";
          const proxy = proxyOf({ type, namespace, labels: type === "router" ? selected(items) : {} });
          envoyAccepts(staticBootstrap(inputOf(items), proxy));
        },
      };
    }),
  );
}

/** Labels that all Gateways of the input select. */
function selected(items: readonly Item[]): Readonly<Record<string, string>> {
  const selectors = items.flatMap((item) => {
    const { spec } = item as { spec?: { selector?: Record<string, string> } };
    return item.kind === "Gateway" ? [spec?.selector ?? {}] : [];
  });
  return Object.assign({}, ...selectors) as Record<string, string>;
}
