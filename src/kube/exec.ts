import { WebSocket } from "ws";
import { createCredentialSource } from "./credentials.ts";
import { KubeError, type KubeStatus } from "./error.ts";
import type { KubeConfig } from "./kubeconfig.ts";

export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** ms until the whole exchange is given up. */
  readonly timeoutMs: number;
  /** More output than this is refused (bytes). */
  readonly maxOutputBytes: number;
}

export interface CommandOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

const channels = { stdout: 1, stderr: 2, error: 3 } as const;

/**
 * Runs a command in a container, without input (Kubernetes: pods/exec over WebSocket, `v4.channel.k8s.io`).
 * Resolves when the command ends, whatever its exit code. Rejects with {@link KubeError}.
 */
export async function execInPod(config: KubeConfig, what: PodCommand): Promise<CommandOutput> {
  const credentials = await createCredentialSource(config).get();
  const url = new URL(
    `${config.server.replace(/^http/, "ws")}/api/v1/namespaces/${what.namespace}/pods/${what.pod}/exec`,
  );
  url.searchParams.set("container", what.container);
  url.searchParams.set("stdout", "true");
  url.searchParams.set("stderr", "true");
  for (const word of what.command) url.searchParams.append("command", word);

  const socket = new WebSocket(url, ["v5.channel.k8s.io", "v4.channel.k8s.io"], {
    headers: credentials.headers,
    handshakeTimeout: what.timeoutMs,
    maxPayload: what.maxOutputBytes,
    ...(config.ca ? { ca: config.ca } : {}),
    ...(config.tlsServerName ? { servername: config.tlsServerName } : {}),
    ...(config.insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
    ...(credentials.clientCertificate ? { cert: credentials.clientCertificate } : {}),
    ...(credentials.clientKey ? { key: credentials.clientKey } : {}),
  });
  return await collect(socket, what);
}

function collect(socket: WebSocket, what: PodCommand): Promise<CommandOutput> {
  const where = `exec in ${what.namespace}/${what.pod}, container ${what.container}`;
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    let status: KubeStatus | undefined;
    const fail = (message: string, code = 0): void => {
      clearTimeout(timer);
      socket.terminate();
      reject(new KubeError({ code, message: `${where}: ${message}` }));
    };
    const timer = setTimeout(() => fail(`no end after ${what.timeoutMs} ms`), what.timeoutMs);
    socket.on("error", (error) => fail(error.message));
    socket.on("unexpected-response", (_request, response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => (text = (text + chunk).slice(0, 65_536)));
      response.on("end", () => fail(messageOf(text), response.statusCode));
    });
    socket.on("message", (data: Buffer) => {
      const payload = data.subarray(1);
      size += payload.length;
      if (size > what.maxOutputBytes) return fail(`more than ${what.maxOutputBytes} bytes of output`);
      if (data[0] === channels.stdout) stdout.push(payload);
      else if (data[0] === channels.stderr) stderr.push(payload);
      else if (data[0] === channels.error) status = JSON.parse(payload.toString("utf8")) as KubeStatus;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      const exitCode = exitCodeOf(status);
      if (exitCode === undefined) fail(status?.message ?? "the connection ended before the command did");
      else resolve({ stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8"), exitCode });
    });
  });
}

/** Undefined when the command wasn't run to its end. */
function exitCodeOf(status: KubeStatus | undefined): number | undefined {
  if (status?.status === "Success") return 0;
  const cause = status?.details?.causes?.find(({ reason }) => reason === "ExitCode");
  return cause?.message === undefined ? undefined : Number(cause.message);
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as KubeStatus).message ?? text;
  } catch {
    return text.trim();
  }
}
