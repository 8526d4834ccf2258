import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ServerAddress } from "./istiod-connection.ts";
import type { ProxyConfig } from "./proxy-config.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the ConfigMap istio-ca-root-cert is mounted. */
const meshRootPath = "/var/run/secrets/istio/root-cert.pem";
/** A root that somebody else put into the pod. */
const mountedRootPath = "/etc/certs/root-cert.pem";

/** Who gives configuration. Istio: FindRootCAForXDS, GetKeyCertsForXDS. */
export function discoveryServer(env: Environment, proxyConfig: ProxyConfig): ServerAddress {
  const address = proxyConfig.discoveryAddress ?? "istiod.istio-system.svc:15012";
  const mounted = existsSync(mountedRootPath) ? mountedRootPath : undefined;
  return {
    address,
    plaintext: proxyConfig.controlPlaneAuthPolicy === "NONE" || address.endsWith(":15010"),
    rootPath: env["XDS_ROOT_CA"] || mounted || provisionedRoot(env) || meshRootPath,
    ...known(env),
  };
}

/** Who signs certificates: the same, unless it is said otherwise. Istio: FindRootCAForCA, GetKeyCertsForCA. */
export function certificateServer(env: Environment, discovery: ServerAddress): ServerAddress {
  const address = env["CA_ADDR"] || discovery.address;
  const mounted = env["PILOT_CERT_PROVIDER"] === "custom" ? mountedRootPath : undefined;
  return {
    address,
    plaintext: env["CA_ADDR"] ? address.endsWith(":15010") : discovery.plaintext,
    rootPath: env["CA_ROOT_CA"] || mounted || provisionedRoot(env) || meshRootPath,
    ...known(env),
  };
}

function provisionedRoot(env: Environment): string | undefined {
  return env["PROV_CERT"] ? join(resolve("/", env["PROV_CERT"]), "root-cert.pem") : undefined;
}

function known(env: Environment): Pick<ServerAddress, "serverName" | "provisionedDir"> {
  const [serverName, dir] = [env["ISTIOD_SAN"], env["PROV_CERT"]];
  return { ...(serverName ? { serverName } : {}), ...(dir ? { provisionedDir: resolve("/", dir) } : {}) };
}
