import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const program = "tcpdump";

/** Why packets can't be captured here, or false. `npm test` brings tcpdump where it can. */
export const noCapture: string | false =
  spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0 ? false : "there is no tcpdump";

/** What one side of a TCP connection sent, in order. */
export interface Flow {
  /** `address:port`. */
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

export interface Capture {
  /** Ends it and gives what was seen. */
  stop(): Promise<readonly Flow[]>;
}

/** Captures TCP of a port on the interface that leaves a process' network namespace. Resolves when it runs. */
export async function startCapture(pid: number, port: number): Promise<Capture> {
  const filter = ["-i", "eth0", "--immediate-mode", "-Z", "root", "-s", "0", "-U", "-w", "-", `tcp port ${port}`];
  const child: ChildProcess = spawn("nsenter", ["-t", String(pid), "-n", program, ...filter]);
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("listening on")) resolve();
    });
    child.once("exit", () => reject(new Error(`tcpdump: ${said}`)));
  });
  return {
    async stop() {
      // What was seen last is on its way.
      await sleep(500);
      const ended = once(child, "close");
      child.kill("SIGINT");
      await ended;
      return flowsOf(Buffer.concat(chunks));
    },
  };
}

interface Segment {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** From a capture file (pcap) of Ethernet frames with IPv4 in them. */
function flowsOf(file: Buffer): readonly Flow[] {
  const flows = new Map<string, Segment[]>();
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const segment = segmentOf(file.subarray(at + 16, at + 16 + length));
    if (segment) flows.set(segment.key, [...(flows.get(segment.key) ?? []), segment]);
    at += 16 + length;
  }
  return [...flows.values()].map((segments) => {
    const parts: Buffer[] = [];
    let next = 0;
    // What was sent again counts once. No test sends so much that the numbers wrap.
    for (const { sequence, payload } of segments.sort((a, b) => a.sequence - b.sequence)) {
      const seen = next === 0 ? 0 : next - sequence;
      if (seen >= payload.length) continue;
      parts.push(payload.subarray(Math.max(0, seen)));
      next = sequence + payload.length;
    }
    const { from = "", to = "" } = segments[0] ?? {};
    return { from, to, bytes: Buffer.concat(parts) };
  });
}

function segmentOf(frame: Buffer): Segment | undefined {
  if (frame.length < 54 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  const ip = frame.subarray(14, 14 + frame.readUInt16BE(16));
  const tcp = ip.subarray((ip.readUInt8(0) & 0x0f) * 4);
  const payload = tcp.subarray((tcp.readUInt8(12) >> 4) * 4);
  if (payload.length === 0) return undefined;
  const end = (address: number, port: number): string =>
    `${[...ip.subarray(address, address + 4)].join(".")}:${tcp.readUInt16BE(port)}`;
  const [from, to] = [end(12, 0), end(16, 2)];
  return { key: `${from} ${to}`, from, to, sequence: tcp.readUInt32BE(4), payload };
}

/** Records of TLS (RFC 8446 §5.1): their kinds, and the version that a ServerHello among them chose, as `0x0304`. */
export function tlsRecords(bytes: Buffer): { readonly kinds: readonly number[]; readonly chosen: string | undefined } {
  const kinds: number[] = [];
  let chosen: string | undefined;
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    kinds.push(bytes.readUInt8(at));
    const record = bytes.subarray(at + 5, at + 5 + bytes.readUInt16BE(at + 3));
    if (bytes.readUInt8(at) === 22 && record[0] === 2) chosen = chosenVersion(record);
  }
  return { kinds, chosen };
}

/** Of a ServerHello: the extension `supported_versions`, else the old field. */
function chosenVersion(hello: Buffer): string {
  const text = (version: number): string => `0x${version.toString(16).padStart(4, "0")}`;
  const sessionId = hello.readUInt8(38);
  // Behind the session: cipher suite, compression, length of the extensions.
  for (let at = 39 + sessionId + 5; at + 4 <= hello.length; at += 4 + hello.readUInt16BE(at + 2))
    if (hello.readUInt16BE(at) === 43) return text(hello.readUInt16BE(at + 4));
  return text(hello.readUInt16BE(4));
}
