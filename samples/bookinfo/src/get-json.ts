import { Agent, get as httpGet } from "node:http";

/** An answer of another service; status 0 when none came in time. */
export interface Fetched {
  readonly status: number;
  /** Parsed JSON, when status is 200. */
  readonly body?: unknown;
}

/** Bytes of an answer. */
const maxAnswer = 1024 * 1024;

/**
 * A connection per request, as in the original: without a mesh the choice of a pod is made per connection, and one that is
 * kept would show one version only.
 */
const agent = new Agent({ keepAlive: false });

/** GET, at most `timeout` ms from the call to the last byte. Never rejects. */
export function getJson(url: string, headers: Record<string, string>, timeout: number): Promise<Fetched> {
  const { promise, resolve } = Promise.withResolvers<Fetched>();
  const fail = (why: unknown): void => {
    console.error(`GET ${url}: ${why instanceof Error ? why.message : String(why)}`);
    resolve({ status: 0 });
  };
  const request = httpGet(url, { agent, headers, signal: AbortSignal.timeout(timeout) }, (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxAnswer) response.destroy(new Error(`answer larger than ${maxAnswer} bytes`));
    });
    response.on("error", fail);
    response.on("end", () => {
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        resolve({ status });
        return;
      }
      try {
        resolve({ status, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
      } catch (error) {
        fail(error);
      }
    });
  });
  request.on("error", fail);
  return promise;
}
