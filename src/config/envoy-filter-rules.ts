import { RE2JS } from "re2js";
import type { ApplyTo, ConfigPatch, EnvoyFilterSpec, ListenerMatch, PatchOperation } from "#api/istio/envoy-filter.ts";
import { currentFilterName } from "./filter-names.ts";
import { patchValue } from "./patch-value.ts";
import type { Report } from "./report.ts";
import { withoutTypedConfig } from "./typed-config.ts";

const connectionManager = "envoy.filters.network.http_connection_manager";

/** The part of a match that goes with what is patched. */
const matchOf: Readonly<Record<ApplyTo, "listener" | "routeConfiguration" | "cluster" | undefined>> = {
  LISTENER: "listener",
  FILTER_CHAIN: "listener",
  NETWORK_FILTER: "listener",
  HTTP_FILTER: "listener",
  LISTENER_FILTER: "listener",
  ROUTE_CONFIGURATION: "routeConfiguration",
  VIRTUAL_HOST: "routeConfiguration",
  HTTP_ROUTE: "routeConfiguration",
  CLUSTER: "cluster",
  EXTENSION_CONFIG: undefined,
  BOOTSTRAP: undefined,
};

/** What can be done to things of which not all can; inserting something where order has no meaning is adding it. */
const effective: Partial<Readonly<Record<ApplyTo, readonly PatchOperation[]>>> = {
  LISTENER: ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
  FILTER_CHAIN: ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
  ROUTE_CONFIGURATION: ["MERGE", "MERGE_AND_REPLACE_LIST"],
  VIRTUAL_HOST: ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE", "REPLACE"],
  HTTP_ROUTE: ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
  CLUSTER: ["MERGE", "MERGE_AND_REPLACE_LIST", "ADD", "REMOVE"],
  EXTENSION_CONFIG: ["ADD"],
  BOOTSTRAP: ["MERGE", "MERGE_AND_REPLACE_LIST"],
};

/** Istio: validateEnvoyFilter. */
export function checkEnvoyFilter(spec: EnvoyFilterSpec, report: Report): void {
  report.warning(
    "spec",
    "patches what is made for Envoy, which may change with every version: prefer other resources, and check after upgrades",
  );
  checkSelection(spec, report);
  spec.configPatches?.forEach((patch, index) => checkPatch(patch, `spec.configPatches[${index}]`, report));
}

function checkSelection({ workloadSelector, targetRefs }: EnvoyFilterSpec, report: Report): void {
  if (workloadSelector && targetRefs) report.error("spec", "only one of targetRefs and workloadSelector can be set");
  const labels = Object.entries(workloadSelector?.labels ?? {});
  if (workloadSelector && labels.length === 0)
    report.warning("spec.workloadSelector", "has no labels, so it takes all workloads of the namespace");
  for (const [key, value] of labels) {
    const field = `spec.workloadSelector.labels[${JSON.stringify(key)}]`;
    if (key === "") report.error(field, "a label's key must not be empty");
    if (key.includes("*") || value.includes("*")) report.error(field, "wildcards are not supported", value);
  }
  targetRefs?.forEach(({ namespace }, index) => {
    if (namespace) report.error(`spec.targetRefs[${index}].namespace`, "must be left out: it is the resource's own");
  });
}

function checkPatch({ applyTo, match, patch }: ConfigPatch, field: string, report: Report): void {
  if (match?.context === "WAYPOINT" ? match.waypoint === undefined : match?.waypoint !== undefined)
    return report.error(`${field}.match`, "waypoint goes with the context WAYPOINT, and with nothing else");
  if (applyTo === undefined || applyTo === "INVALID") return report.error(`${field}.applyTo`, "is required");
  if (patch === undefined) return report.error(`${field}.patch`, "is required");
  const { operation, value } = patch;
  if (operation === undefined || operation === "INVALID")
    return report.error(`${field}.patch.operation`, "is required");
  if (operation !== "REMOVE" && value === undefined)
    return report.error(`${field}.patch.value`, `is required for ${operation}`);
  const done = operation.startsWith("INSERT_") ? "ADD" : operation;
  const useful = effective[applyTo];
  if (useful && !useful.includes(done))
    report.warning(
      `${field}.patch.operation`,
      `has no effect on ${applyTo}: use one of ${useful.join(", ")}`,
      operation,
    );
  const version = match?.proxy?.proxyVersion;
  if (version !== undefined) {
    try {
      RE2JS.compile(version);
    } catch (error) {
      report.error(`${field}.match.proxy.proxyVersion`, `isn't a regular expression (RE2): ${String(error)}`, version);
    }
  }
  if (match?.waypoint !== undefined)
    report.warning(`${field}.match.context`, "there are no waypoints, so the patch is applied nowhere");
  checkMatch(applyTo, match, `${field}.match`, report);
  if (value !== undefined) checkValue(applyTo, value, `${field}.patch.value`, report);
}

function checkMatch(applyTo: ApplyTo, match: ConfigPatch["match"], field: string, report: Report): void {
  const kinds = (["listener", "routeConfiguration", "cluster"] as const).filter((kind) => match?.[kind] !== undefined);
  const given = match?.waypoint === undefined ? kinds : [...kinds, "waypoint"];
  if (given.length > 1) return report.error(field, `only one of ${given.join(" and ")} can be set`);
  const [kind] = kinds;
  const expected = matchOf[applyTo];
  if (kind !== undefined && expected !== undefined && kind !== expected)
    return report.error(`${field}.${kind}`, `${applyTo} is matched by ${expected}`);
  if (expected === "listener" && match?.listener) checkListener(applyTo, match.listener, `${field}.listener`, report);
}

function checkListener(applyTo: ApplyTo, { filterChain }: ListenerMatch, field: string, report: Report): void {
  const filter = filterChain?.filter;
  if (filter === undefined) return;
  const at = `${field}.filterChain.filter`;
  if (applyTo === "LISTENER" || applyTo === "FILTER_CHAIN")
    report.warning(at, `has no effect with ${applyTo}, which is chosen without looking at filters`);
  if (!filter.name) return report.error(`${at}.name`, "is required");
  const { subFilter } = filter;
  if (subFilter !== undefined) {
    if (applyTo !== "HTTP_FILTER") return report.error(`${at}.subFilter`, "goes with HTTP_FILTER only");
    if (currentFilterName(filter.name) !== connectionManager)
      return report.error(`${at}.name`, `must be ${connectionManager}, which has the subFilter`, filter.name);
    if (!subFilter.name) return report.error(`${at}.subFilter.name`, "is required");
    checkFilterName(subFilter.name, `${at}.subFilter.name`, report);
  }
  checkFilterName(filter.name, `${at}.name`, report);
}

function checkFilterName(name: string, field: string, report: Report): void {
  const current = currentFilterName(name);
  if (current !== name) report.warning(field, `is deprecated and matches nothing: use ${current}`, name);
}

function checkValue(applyTo: ApplyTo, value: unknown, field: string, report: Report): void {
  try {
    const message = patchValue(applyTo, value, { lenient: true });
    for (const name of withoutTypedConfig(message))
      report.warning(field, `names the extension ${JSON.stringify(name)} without typed_config: Envoy refuses it`);
  } catch (error) {
    return report.error(field, error instanceof Error ? error.message : String(error));
  }
  try {
    patchValue(applyTo, value, { lenient: false });
  } catch (error) {
    report.warning(field, `${error instanceof Error ? error.message : String(error)}: it is left out`);
  }
}
