import { Agent, request as httpsRequest } from "node:https";
import type { WebhookClientConfig } from "kubernetes-types/admissionregistration/v1.d.ts";

/** Where a Service's port is reached; undefined when it has no ready endpoint. */
export type ResolveService = (
  namespace: string,
  name: string,
  port: number,
) => Promise<{ readonly host: string; readonly port: number } | undefined>;

/** A webhook's answer may not be longer (bytes). */
const maxAnswer = 8 * 1024 * 1024;
const agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });

interface Place {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must have. */
  readonly servername: string;
}

/**
 * Posts `body` to a webhook and answers the parsed JSON. The certificate must be signed by `caBundle` and made out to
 * `<service>.<namespace>.svc`, or to the host of `url`. Rejects with an error that says which URL failed and why.
 */
export async function callWebhook(
  config: WebhookClientConfig,
  body: object,
  timeoutSeconds: number,
  resolveService: ResolveService,
): Promise<unknown> {
  const place = await placeOf(config, timeoutSeconds, resolveService);
  const text = JSON.stringify(body);
  const ca = config.caBundle ? Buffer.from(config.caBundle, "base64").toString("utf8") : undefined;
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    return await post(place, text, ca, signal).catch((error: unknown) => {
      if (error instanceof StaleConnection) return post(place, text, ca, signal);
      throw error;
    });
  } catch (error) {
    const why = signal.aborted ? "context deadline exceeded" : error instanceof Error ? error.message : String(error);
    throw new Error(`failed to call webhook: Post ${JSON.stringify(place.url.href)}: ${why}`, { cause: error });
  }
}

async function placeOf(
  { service, url }: WebhookClientConfig,
  timeoutSeconds: number,
  resolveService: ResolveService,
): Promise<Place> {
  if (!service) {
    if (!url || !URL.canParse(url))
      throw new Error("failed to call webhook: clientConfig has neither service nor a valid url");
    const parsed = new URL(url);
    parsed.searchParams.set("timeout", `${timeoutSeconds}s`);
    return { url: parsed, host: parsed.hostname, port: Number(parsed.port || 443), servername: parsed.hostname };
  }
  const { name, namespace, port = 443, path = "/" } = service;
  const servername = `${name}.${namespace}.svc`;
  const full = new URL(`https://${servername}:${port}`);
  full.pathname = path;
  full.searchParams.set("timeout", `${timeoutSeconds}s`);
  const found = await resolveService(namespace, name, port);
  if (!found)
    throw new Error(
      `failed to call webhook: Post ${JSON.stringify(full.href)}: no endpoints available for service ${JSON.stringify(name)}`,
    );
  return { url: full, ...found, servername };
}

/** A kept connection had ended while nobody looked: the webhook has not seen the request. */
class StaleConnection extends Error {}

function post(place: Place, text: string, ca: string | undefined, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      agent,
      host: place.host,
      port: place.port,
      servername: place.servername,
      path: place.url.pathname + place.url.search,
      method: "POST",
      headers: {
        host: place.url.host,
        "content-type": "application/json",
        accept: "application/json",
        "content-length": Buffer.byteLength(text),
      },
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && error.code === "ECONNRESET";
      reject(isStale ? new StaleConnection(error.message) : error);
    });
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswer) request.destroy(new Error(`the answer is longer than ${maxAnswer} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const answer = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode !== 200) {
          reject(new Error(`the server answered ${response.statusCode ?? "nothing"}: ${answer.slice(0, 200).trim()}`));
          return;
        }
        try {
          resolve(JSON.parse(answer));
        } catch {
          reject(new Error(`the answer is not JSON: ${answer.slice(0, 200)}`));
        }
      });
    });
    request.end(text);
  });
}
