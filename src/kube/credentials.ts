import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { ExecPlugin, KubeConfig } from "./kubeconfig.ts";

/** What one request is sent with. */
export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

/** Kubernetes' clients read a projected token again after a minute. */
const tokenFileLifetimeMs = 60_000;
const execTimeoutMs = 60_000;
const maxExecOutputBytes = 1024 * 1024;

/**
 * Gives the credentials of a kubeconfig's user, from memory while they are good. `refresh` drops what is kept
 * (the server answered 401).
 */
export interface CredentialSource {
  get(): Promise<Credentials>;
  refresh(): void;
}

export function createCredentialSource(config: KubeConfig, now: () => number = Date.now): CredentialSource {
  let kept: { readonly credentials: Promise<Credentials>; readonly until: number } | undefined;

  async function load(): Promise<{ credentials: Credentials; until: number }> {
    const headers: Record<string, string> = {};
    if (config.impersonate) {
      headers["impersonate-user"] = config.impersonate.user;
      if (config.impersonate.groups.length > 0) headers["impersonate-group"] = config.impersonate.groups.join(",");
      if (config.impersonate.uid) headers["impersonate-uid"] = config.impersonate.uid;
    }
    let certificate = config.clientCertificate;
    let key = config.clientKey;
    let until = Number.POSITIVE_INFINITY;
    let token = config.token;
    if (config.tokenFile) {
      token = (await readFile(config.tokenFile, "utf8")).trim();
      until = now() + tokenFileLifetimeMs;
    } else if (config.exec) {
      const answer = await runPlugin(config.exec);
      token = answer.token ?? token;
      certificate = answer.clientCertificateData ?? certificate;
      key = answer.clientKeyData ?? key;
      if (answer.expirationTimestamp) until = Date.parse(answer.expirationTimestamp) - 10_000;
    }
    if (token) headers["authorization"] = `Bearer ${token}`;
    else if (config.basic) {
      const { username, password } = config.basic;
      headers["authorization"] = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    }
    return {
      credentials: {
        headers,
        ...(certificate ? { clientCertificate: certificate } : {}),
        ...(key ? { clientKey: key } : {}),
      },
      until,
    };
  }

  return {
    async get() {
      if (kept && kept.until > now()) return await kept.credentials;
      // Requests that come while a plugin runs wait for the same run.
      const loading = load();
      const mine = { credentials: loading.then(({ credentials }) => credentials), until: Number.POSITIVE_INFINITY };
      kept = mine;
      try {
        const { credentials, until } = await loading;
        if (kept === mine) kept = { credentials: mine.credentials, until };
        return credentials;
      } catch (error) {
        if (kept === mine) kept = undefined;
        throw error;
      }
    },
    refresh() {
      if (config.tokenFile || config.exec) kept = undefined;
    },
  };
}

interface ExecStatus {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

async function runPlugin(plugin: ExecPlugin): Promise<ExecStatus> {
  const info = { apiVersion: plugin.apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  const output = await new Promise<string>((done, fail) => {
    execFile(
      plugin.command,
      [...plugin.args],
      {
        env: { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        timeout: execTimeoutMs,
        maxBuffer: maxExecOutputBytes,
      },
      (cause, stdout, stderr) => {
        if (!cause) return done(stdout);
        const hint = plugin.installHint ? `: ${plugin.installHint}` : "";
        fail(new Error(`credential plugin ${plugin.command} failed: ${stderr.trim().slice(0, 500)}${hint}`, { cause }));
      },
    );
  });
  let status: ExecStatus | undefined;
  try {
    status = (JSON.parse(output) as { status?: ExecStatus }).status;
  } catch (cause) {
    throw new Error(`credential plugin ${plugin.command} didn't print an ExecCredential`, { cause });
  }
  if (!status?.token && !status?.clientCertificateData)
    throw new Error(`credential plugin ${plugin.command} printed neither a token nor a certificate`);
  return status;
}
