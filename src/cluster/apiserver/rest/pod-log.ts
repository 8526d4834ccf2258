import { PassThrough, pipeline, type Readable } from "node:stream";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { badRequest } from "../api-error.ts";
import type { Core } from "../core.ts";
import { readObject, type Target } from "./read.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";

/** The container a request on a pod means: the one it names, or the only one. Throws a 400 otherwise. */
export function containerOf(pod: Pod, asked: string | null): string {
  const containers = (pod.spec?.containers ?? []).map(({ name }) => name);
  const inits = (pod.spec?.initContainers ?? []).map(({ name }) => name);
  const debug = (pod.spec?.ephemeralContainers ?? []).map(({ name }) => name);
  const name = pod.metadata?.name ?? "";
  if (asked) {
    if ([...containers, ...inits, ...debug].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...others] = containers;
  if (only !== undefined && others.length === 0) return only;
  const extra = inits.length > 0 ? ` or one of the init containers: [${inits.join(" ")}]` : "";
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${containers.join(" ")}]${extra}`,
  );
}

function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name}: ${JSON.stringify(text)} is not a whole number`);
  return Number(text);
}

const isSet = (query: URLSearchParams, name: string): boolean => ["true", "1"].includes(query.get(name) ?? "");

/** GET `/log`: the container's output as it comes. */
export async function podLog(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { query, signal } = request;
  const pod = readObject(core, target) as unknown as Pod;
  const container = containerOf(pod, query.get("container"));
  const tailLines = count(query, "tailLines");
  const limitBytes = count(query, "limitBytes");
  const sinceSeconds = count(query, "sinceSeconds");
  const since = query.get("sinceTime");
  const sinceTime = since
    ? new Date(since)
    : sinceSeconds === undefined
      ? undefined
      : new Date(Date.now() - sinceSeconds * 1000);
  if (sinceTime && Number.isNaN(sinceTime.getTime()))
    throw badRequest(`sinceTime: ${JSON.stringify(since)} is not an RFC 3339 time`);
  const stream: Readable = await core.streams().logs(
    { namespace: target.namespace, name: target.name, container },
    {
      follow: isSet(query, "follow"),
      previous: isSet(query, "previous"),
      timestamps: isSet(query, "timestamps"),
      signal,
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(limitBytes === undefined ? {} : { limitBytes }),
      ...(sinceTime === undefined ? {} : { sinceTime }),
    },
  );
  const body = new PassThrough();
  // A log that breaks off ends the answer; there is no status to send any more.
  pipeline(stream, body, (error) => {
    if (error && !signal.aborted) core.log.debug("log stream ended early", { pod: target.name, error });
  });
  return { status: 200, headers: { "content-type": "text/plain", "cache-control": "no-cache, private" }, body };
}
