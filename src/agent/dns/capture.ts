import { readFile } from "node:fs/promises";
import { createForward } from "#dns/forward.ts";
import { type DnsServer, startDnsServer } from "#dns/server.ts";
import type { Log } from "#log/log.ts";
import type { AgentStream } from "../agent-stream.ts";
import type { AgentSettings } from "../settings.ts";
import { answerWorkload } from "./answer.ts";
import { createHosts, type Hosts, type HostsSetting } from "./hosts.ts";
import { decodeNameTable } from "./name-table.ts";

const nameTable = "type.googleapis.com/istio.networking.nds.v1.NameTable";

/** Answers the workload's DNS queries, which the capture rules lead here. */
export interface DnsCapture {
  /** Whether istiod has told its names. */
  readonly isReady: boolean;
  readonly port: number;
  stop(): Promise<void>;
}

export async function startDnsCapture(
  settings: AgentSettings,
  stream: AgentStream,
  log: Log,
  resolvConf = "/etc/resolv.conf",
): Promise<DnsCapture> {
  const setting: HostsSetting = {
    namespace: settings.namespace,
    domain: clusterPart(settings.domain, settings.namespace),
    search: searchDomains(await readFile(resolvConf, "utf8").catch(() => "")),
  };
  let hosts: Hosts | undefined;
  const forward = createForward(resolvConf);
  const { host, port } = address(settings.env["DNS_PROXY_ADDR"]);
  const server: DnsServer = await startDnsServer(
    host,
    [port],
    (query, over) => answerWorkload(query, over, hosts, forward),
    log,
  );
  stream.follow(nameTable, (bytes) => {
    hosts = createHosts(decodeNameTable(bytes), setting);
    log.debug("names of the mesh changed", { names: hosts.size });
  });
  log.info("answering DNS", { address: `${host}:${server.port}` });
  return {
    get isReady() {
      return hosts !== undefined;
    },
    port: server.port,
    stop: () => server.stop(),
  };
}

/** `ns.svc.cluster.local` without the namespace. */
function clusterPart(domain: string, namespace: string): string {
  return domain.startsWith(`${namespace}.`) ? domain.slice(namespace.length + 1) : domain;
}

function searchDomains(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  return lines.findLast(([keyword]) => keyword === "search")?.slice(1) ?? [];
}

/** Istio: DNS_PROXY_ADDR, `localhost:15053` unless set. */
function address(text = "localhost:15053"): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(text.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`DNS_PROXY_ADDR is "${text}": expected HOST:PORT, such as localhost:15053`);
  return { host: host === "localhost" || host === "" ? "127.0.0.1" : host, port };
}
