import { createHash } from "node:crypto";
import type { Kind } from "../kinds/kind.ts";
import type { GroupListing, Registry, Served } from "../registry.ts";
import { acceptedTypes } from "../rest/negotiate.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, textResponse } from "../rest/request.ts";

interface SubresourceListing {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

const statusVerbs = ["get", "patch", "update"];

export function subresourcesOf({ kind, version }: Served): SubresourceListing[] {
  const all: SubresourceListing[] = [...kind.subresources];
  if (kind.custom ? version.scale : kind.scale)
    all.push({ name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: statusVerbs });
  if (kind.custom ? version.status : kind.status) all.push({ name: "status", kind: kind.kind, verbs: statusVerbs });
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const names = ({ shortNames, categories }: Kind): object => ({
  ...(shortNames.length > 0 ? { shortNames } : {}),
  ...(categories.length > 0 ? { categories } : {}),
});

/** One version of one group, as clients before 1.27 ask for it. */
function resourceList(groupVersion: string, served: readonly Served[]): object {
  const resources = served
    .toSorted((a, b) => (a.kind.plural < b.kind.plural ? -1 : 1))
    .flatMap((one) => {
      const { kind } = one;
      const hash = createHash("sha256").update(`${groupVersion}/${kind.plural}`).digest("base64").slice(0, 11);
      return [
        {
          name: kind.plural,
          singularName: kind.singular,
          namespaced: kind.namespaced,
          kind: kind.kind,
          verbs: kind.verbs,
          ...names(kind),
          ...(kind.verbs.includes("list") ? { storageVersionHash: `${hash}=` } : {}),
        },
        ...subresourcesOf(one).map(({ name, kind: subKind, group, version, verbs }) => ({
          name: `${kind.plural}/${name}`,
          singularName: "",
          namespaced: kind.namespaced,
          ...(version ? { group: group ?? "", version } : {}),
          kind: subKind,
          verbs,
        })),
      ];
    });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

function groupObject({ group, versions }: GroupListing): object {
  const listed = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: listed, preferredVersion: listed[0] };
}

function aggregated(listings: readonly GroupListing[], version: string): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: listings.map(({ group, versions }) => ({
      metadata: { ...(group ? { name: group } : {}), creationTimestamp: null },
      versions: versions.map(({ version, served }) => ({
        version,
        resources: served
          .toSorted((a, b) => (a.kind.plural < b.kind.plural ? -1 : 1))
          .map((one) => {
            const { kind } = one;
            const subresources = subresourcesOf(one).map((sub) => ({
              subresource: sub.name,
              responseKind: {
                group: sub.group ?? (sub.version ? "" : group),
                version: sub.version ?? version,
                kind: sub.kind,
              },
              verbs: sub.verbs,
            }));
            return {
              resource: kind.plural,
              responseKind: { group, version, kind: kind.kind },
              scope: kind.namespaced ? "Namespaced" : "Cluster",
              singularResource: kind.singular,
              verbs: kind.verbs,
              ...names(kind),
              ...(subresources.length > 0 ? { subresources } : {}),
            };
          }),
        freshness: "Current",
      })),
    })),
  };
}

/** The version of aggregated discovery the client prefers to the plain lists; undefined for a plain one. */
function wantsAggregated(request: ApiRequest): string | undefined {
  for (const { type, parameters } of acceptedTypes(request)) {
    if (type !== "application/json") continue;
    if (parameters["as"] === undefined) return undefined;
    const version = parameters["v"] ?? "";
    if (
      parameters["as"] === "APIGroupDiscoveryList" &&
      parameters["g"] === "apidiscovery.k8s.io" &&
      ["v2", "v2beta1"].includes(version)
    )
      return version;
  }
  return undefined;
}

function aggregatedResponse(request: ApiRequest, listings: readonly GroupListing[], version: string): ApiResponse {
  const text = JSON.stringify(aggregated(listings, version));
  const etag = `"${createHash("sha512").update(text).digest("hex").toUpperCase()}"`;
  const headers = { etag, vary: "Accept", "cache-control": "public" };
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  if (request.headers["if-none-match"] === etag) return textResponse("", 304, type, headers);
  return textResponse(text, 200, type, headers);
}

/** `/api`, `/apis` and what is below them as far as it names no object; undefined for other paths. */
export function discovery(registry: Registry, request: ApiRequest): ApiResponse | undefined {
  const parts = request.path.split("/").filter((part) => part !== "");
  const listings = registry.groups();
  const core = listings.filter(({ group }) => group === "");
  const named = listings.filter(({ group }) => group !== "");
  const [root, first, second] = parts;
  if (root === "api" && parts.length === 1) {
    const version = wantsAggregated(request);
    if (version) return aggregatedResponse(request, core, version);
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: request.headers["host"] ?? "" }];
    return jsonResponse({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs });
  }
  if (root === "apis" && parts.length === 1) {
    const version = wantsAggregated(request);
    if (version) return aggregatedResponse(request, named, version);
    return jsonResponse({ kind: "APIGroupList", apiVersion: "v1", groups: named.map(groupObject) });
  }
  const group =
    root === "api" ? core[0] : root === "apis" ? named.find((listing) => listing.group === first) : undefined;
  if (!group) return undefined;
  if (root === "apis" && parts.length === 2)
    return jsonResponse({ kind: "APIGroup", apiVersion: "v1", ...groupObject(group) });
  const asked = root === "api" ? first : second;
  if (parts.length !== (root === "api" ? 2 : 3)) return undefined;
  const version = group.versions.find((one) => one.version === asked);
  if (!version) return undefined;
  return jsonResponse(
    resourceList(root === "api" ? version.version : `${group.group}/${version.version}`, version.served),
  );
}
