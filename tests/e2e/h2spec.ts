import { spawn } from "node:child_process";
import { goTool } from "./go-tool.ts";

/**
 * What Envoy 1.40 by itself, with nothing but a fixed answer, doesn't do as h2spec wants it. Nearly all are about what a client did
 * wrong: Envoy closes the connection without a word, or ignores frames for streams that it has forgotten.
 */
const ofEnvoy: ReadonlySet<string> = new Set([
  "Sends invalid connection preface",
  "Sends a GOAWAY frame",
  "Sends a PRIORITY frame with 0x0 stream identifier",
  "Sends PRIORITY frame that depend on itself",
  "Sends HEADERS frame that depend on itself",
  "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1",
  "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
  "Sends stream identifier that is numerically smaller than previous",
  "closed: Sends a DATA frame",
  "closed: Sends a HEADERS frame",
  "closed: Sends a DATA frame after sending RST_STREAM frame",
  "closed: Sends a HEADERS frame after sending RST_STREAM frame",
  "Sends a GOAWAY frame with unknown error code",
  "Sends a HEADERS frame that contains a pseudo-header field that appears in a header block after a regular header field",
  // A server behind Envoy may have answered before the rest of the request shows that it was wrong.
  'Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
  'Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA frames payload length',
  "Sends a second HEADERS frame without the END_STREAM flag",
]);

export interface Http2Conformance {
  readonly passed: number;
  /** Cases that Envoy by itself passes. */
  readonly failed: readonly string[];
}

/** Runs h2spec against an address, without TLS. */
export function http2Conformance(host: string, port: number): Promise<Http2Conformance> {
  return new Promise((resolve, reject) => {
    const child = spawn(goTool("h2spec") ?? "h2spec", ["-h", host, "-p", String(port)]);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
    child.on("error", reject);
    child.on("close", () => {
      const [, passed] = /tests, (\d+) passed/.exec(text) ?? [];
      if (passed === undefined) return reject(new Error(`h2spec gave no count: ${text.slice(-500)}`));
      const failed = [...text.matchAll(/^ *× \d+: (.*)$/gm)].map(([, title = ""]) => title);
      resolve({ passed: Number(passed), failed: [...new Set(failed)].filter((title) => !ofEnvoy.has(title)) });
    });
  });
}
