import http from "node:http";

/** An answer read to its end. */
export interface LocalAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * One request to a port of the pod. Rejects on no answer within `timeoutMs`, and when the answer is longer than
 * `maxBytes`.
 */
export function localRequest(options: {
  method: "GET" | "POST";
  port: number;
  path: string;
  timeoutMs: number;
  maxBytes: number;
  host?: string;
  headers?: http.OutgoingHttpHeaders;
}): Promise<LocalAnswer> {
  const { timeoutMs, maxBytes, host = "127.0.0.1", ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = http.request({ ...rest, host, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) request.destroy(new Error(`answer of ${options.path} is longer than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      answer.once("error", reject);
      answer.once("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType: answer.headers["content-type"] ?? "",
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    request.once("error", (error) =>
      reject(
        error.name === "TimeoutError" || error.name === "AbortError"
          ? new Error(`no answer within ${timeoutMs} ms`)
          : error,
      ),
    );
    request.end();
  });
}
