import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse } from "yaml";

/** Everything that is needed to reach one API server as one user. PEM texts are inline, files have been read. */
export interface KubeConfig {
  /** Base URL, for example `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Name of the context it came from; undefined inside a cluster. */
  readonly context?: string;
  /** The context's default namespace. */
  readonly namespace: string;
  /** PEM of the authorities that sign the server's certificate; absent means the system's. */
  readonly ca?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** Read again now and then, because the kubelet rotates it. Wins over `token`. */
  readonly tokenFile?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly exec?: ExecPlugin;
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[]; readonly uid?: string };
}

/** A program that prints credentials (client.authentication.k8s.io ExecCredential). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
}

export interface LoadOptions {
  /** A kubeconfig file; wins over `KUBECONFIG`. */
  readonly path?: string;
  /** Wins over the file's `current-context`. */
  readonly context?: string;
}

interface Named<K extends string, T> {
  readonly name: string;
  readonly value: T | undefined;
  readonly kind: K;
  /** Folder of the file it stood in: relative paths start there. */
  readonly folder: string;
}

interface ClusterEntry {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
}

interface UserEntry {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly exec?: {
    readonly apiVersion?: string;
    readonly command?: string;
    readonly args?: readonly string[] | null;
    readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
    readonly installHint?: string;
  };
}

interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

interface Merged {
  currentContext: string | undefined;
  readonly clusters: Named<"cluster", ClusterEntry>[];
  readonly users: Named<"user", UserEntry>[];
  readonly contexts: Named<"context", ContextEntry>[];
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Reads the user's kubeconfig: `path`, else the files of `KUBECONFIG`, else `~/.kube/config`; without any of them
 * the pod's service account. Of entries that have the same name in several files the first counts
 * (Kubernetes: "merging kubeconfig files"). Throws an Error that names the file and what is missing in it.
 */
export function loadKubeConfig(options: LoadOptions = {}): KubeConfig {
  const fromEnvironment = process.env["KUBECONFIG"];
  const explicit = options.path
    ? [options.path]
    : (fromEnvironment?.split(delimiter).filter((path) => path !== "") ?? []);
  const paths = explicit.length > 0 ? explicit : [join(homedir(), ".kube", "config")];
  const merged: Merged = { currentContext: undefined, clusters: [], users: [], contexts: [] };
  let read = 0;
  for (const path of paths) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      if (options.path) throw new Error(`kubeconfig ${path} can't be read`, { cause });
      continue;
    }
    read++;
    mergeFile(merged, path, text);
  }
  if (read === 0) {
    const inside = inClusterConfig();
    if (inside) return inside;
    throw new Error(`no kubeconfig at ${paths.join(", ")}: set KUBECONFIG, or start a cluster with "weft up"`);
  }
  return select(merged, options.context, paths.join(", "));
}

/** The API server and identity that a pod is given, or undefined outside of a cluster. */
export function inClusterConfig(): KubeConfig | undefined {
  const host = process.env["KUBERNETES_SERVICE_HOST"];
  const port = process.env["KUBERNETES_SERVICE_PORT"] ?? "443";
  if (!host) return undefined;
  let ca: string;
  try {
    readFileSync(`${serviceAccountFolder}/token`, "utf8");
    ca = readFileSync(`${serviceAccountFolder}/ca.crt`, "utf8");
  } catch {
    return undefined;
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: readOptional(`${serviceAccountFolder}/namespace`) ?? "default",
    ca,
    tokenFile: `${serviceAccountFolder}/token`,
  };
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function mergeFile(merged: Merged, path: string, text: string): void {
  let file: Record<string, unknown> | null;
  try {
    file = parse(text) as Record<string, unknown> | null;
  } catch (cause) {
    throw new Error(`kubeconfig ${path} isn't YAML`, { cause });
  }
  const folder = dirname(resolve(path));
  merged.currentContext ??= (file?.["current-context"] as string | undefined) || undefined;
  const collect = <K extends "cluster" | "user" | "context", T>(key: string, kind: K, into: Named<K, T>[]): void => {
    for (const entry of (file?.[key] as readonly ({ name?: string } & Record<string, unknown>)[] | null | undefined) ??
      []) {
      const name = entry.name ?? "";
      if (into.some((other) => other.name === name)) continue;
      into.push({ name, kind, value: entry[kind] as T | undefined, folder });
    }
  };
  collect("clusters", "cluster", merged.clusters);
  collect("users", "user", merged.users);
  collect("contexts", "context", merged.contexts);
}

function select(merged: Merged, wanted: string | undefined, files: string): KubeConfig {
  const contextName = wanted ?? merged.currentContext;
  if (!contextName)
    throw new Error(`kubeconfig ${files} has no current-context: use "kubectl config use-context NAME"`);
  const context = merged.contexts.find((entry) => entry.name === contextName)?.value;
  if (!context) throw new Error(`kubeconfig ${files} has no context ${contextName}`);
  const cluster = merged.clusters.find((entry) => entry.name === context.cluster);
  if (!cluster?.value?.server)
    throw new Error(
      `kubeconfig ${files}: context ${contextName} names cluster ${context.cluster}, which has no server`,
    );
  const user = merged.users.find((entry) => entry.name === context.user);
  if (context.user && !user)
    throw new Error(`kubeconfig ${files}: context ${contextName} names user ${context.user}, which isn't there`);
  const pem = (entry: Named<string, unknown> | undefined, data?: string, path?: string): string | undefined => {
    if (data) return Buffer.from(data, "base64").toString("utf8");
    if (!path || !entry) return undefined;
    const absolute = resolve(entry.folder, path);
    try {
      return readFileSync(absolute, "utf8");
    } catch (cause) {
      throw new Error(`kubeconfig ${files}: ${entry.name} names file ${absolute}, which can't be read`, { cause });
    }
  };
  const c = cluster.value;
  const u = user?.value ?? {};
  return defined({
    server: c.server?.replace(/\/+$/, "") ?? "",
    context: contextName,
    namespace: context.namespace || "default",
    ca: pem(cluster, c["certificate-authority-data"], c["certificate-authority"]),
    tlsServerName: c["tls-server-name"],
    insecureSkipTlsVerify: c["insecure-skip-tls-verify"],
    clientCertificate: pem(user, u["client-certificate-data"], u["client-certificate"]),
    clientKey: pem(user, u["client-key-data"], u["client-key"]),
    token: u.token,
    tokenFile: u.tokenFile && user ? resolve(user.folder, u.tokenFile) : undefined,
    basic: u.username ? { username: u.username, password: u.password ?? "" } : undefined,
    exec: u.exec?.command ? execPlugin(u.exec, user?.folder ?? ".") : undefined,
    impersonate: u.as ? defined({ user: u.as, groups: u["as-groups"] ?? [], uid: u["as-uid"] }) : undefined,
  });
}

function execPlugin(exec: NonNullable<UserEntry["exec"]>, folder: string): ExecPlugin {
  const command = exec.command ?? "";
  return defined({
    apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1",
    // As client-go: a path with a slash in it is relative to the file, a bare name is looked up in PATH.
    command: command.includes("/") ? resolve(folder, command) : command,
    args: exec.args ?? [],
    env: Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
    installHint: exec.installHint,
  });
}

/** Leaves out what is undefined, which `exactOptionalPropertyTypes` asks for. */
function defined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
