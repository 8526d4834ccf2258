import type { JsonObject } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import type { Client, Result } from "./call.ts";

/** Finds the route of a request. `secure`: it came over TLS. */
export function matchRequest(table: JsonObject, client: Client, secure: boolean): Result {
  const routeConfigMatched = text(table["name"]);
  const host = virtualHostFor(table, client.host);
  if (host === undefined) return { routeConfigMatched, error: "ErrNoVirtualHost" };
  const found = { routeConfigMatched, virtualHostMatched: text(host["name"]) };
  if (host["requireTls"] === "ALL" && !secure) return { ...found, error: "ErrTLSRedirect" };
  const route = ((host["routes"] ?? []) as JsonObject[]).find((one) => takes(one["match"] as JsonObject, client));
  if (route === undefined) return { ...found, error: "ErrNoRoute" };
  return { ...found, routeMatched: text(route["name"]), clusterMatched: clusterOf(route) };
}

/** The whole name first, then the longest suffix, then the longest prefix, then `*`. */
function virtualHostFor(table: JsonObject, authority: string): JsonObject | undefined {
  const asked = (table["ignorePortInHostMatching"] === true ? authority.replace(/:\d+$/, "") : authority).toLowerCase();
  let best: { readonly rank: number; readonly host: JsonObject } | undefined;
  for (const host of (table["virtualHosts"] ?? []) as JsonObject[]) {
    for (const domain of (host["domains"] ?? []) as string[]) {
      const rank = domainRank(domain.toLowerCase(), asked);
      if (rank !== undefined && (best === undefined || rank > best.rank)) best = { rank, host };
    }
  }
  return best?.host;
}

const longest = 1000;

function domainRank(domain: string, host: string): number | undefined {
  if (domain === "*") return 0;
  if (domain === host) return 3 * longest;
  if (domain.startsWith("*")) return host.endsWith(domain.slice(1)) ? longest + domain.length : undefined;
  return domain.endsWith("*") && host.startsWith(domain.slice(0, -1)) ? domain.length : undefined;
}

function takes(match: JsonObject, client: Client): boolean {
  const [path = "", query = ""] = client.path.split("?", 2);
  const fold = (value: string): string => (match["caseSensitive"] === false ? value.toLowerCase() : value);
  const exact = match["path"];
  const prefix = match["prefix"];
  const separated = match["pathSeparatedPrefix"];
  const regex = (match["safeRegex"] as JsonObject | undefined)?.["regex"];
  const pathTakes =
    (typeof exact === "string" && fold(path) === fold(exact)) ||
    (typeof prefix === "string" && fold(path).startsWith(fold(prefix))) ||
    (typeof separated === "string" && `${fold(path)}/`.startsWith(`${fold(separated)}/`)) ||
    (typeof regex === "string" && RE2JS.compile(regex).matches(path));
  const parameters = new URLSearchParams(query);
  return (
    pathTakes &&
    ((match["headers"] ?? []) as JsonObject[]).every((header) => headerTakes(header, headerOf(client, header))) &&
    ((match["queryParameters"] ?? []) as JsonObject[]).every((parameter) =>
      valueTakes(parameter, parameters.get(text(parameter["name"])) ?? undefined),
    )
  );
}

function headerOf(client: Client, header: JsonObject): string | undefined {
  const name = text(header["name"]).toLowerCase();
  if (name === ":authority") return client.host;
  if (name === ":method") return "GET";
  if (name === ":scheme") return client.tls === "plaintext" ? "http" : "https";
  const value = Object.entries(client.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === "object" ? value.join(",") : value;
}

function headerTakes(header: JsonObject, value: string | undefined): boolean {
  const seen = value ?? (header["treatMissingHeaderAsEmpty"] === true ? "" : undefined);
  return valueTakes(header, seen) !== (header["invertMatch"] === true);
}

function valueTakes(matcher: JsonObject, value: string | undefined): boolean {
  if (value === undefined) return false;
  const wanted = matcher["stringMatch"] as JsonObject | undefined;
  if (wanted === undefined) return true;
  const { exact, prefix } = wanted;
  if (typeof exact === "string") return value === exact;
  if (typeof prefix === "string") return value.startsWith(prefix);
  const regex = (wanted["safeRegex"] as JsonObject | undefined)?.["regex"];
  return typeof regex === "string" && RE2JS.compile(regex).matches(value);
}

function clusterOf(route: JsonObject): string {
  const action = (route["route"] ?? {}) as JsonObject;
  const weighted = (action["weightedClusters"] as JsonObject | undefined)?.["clusters"] as JsonObject[] | undefined;
  return weighted === undefined ? text(action["cluster"]) : weighted.map(({ name }) => text(name)).join(",");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
