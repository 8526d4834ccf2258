import type { MutualTlsMode } from "#model/mutual-tls.ts";
import { type ChainMatch, plainHttp } from "./chains.ts";

/** What tells the connections of one chain of an inbound port from those of its others, and what is made of them. */
export interface InboundMatch {
  readonly match: ChainMatch;
  /** Whether requests are looked at. */
  readonly http: boolean;
  /** Whether the mesh's mutual TLS is opened. */
  readonly mesh: boolean;
}

/** What clients of the mesh offer for HTTP. Istio: mtlsHTTPALPNs. */
const httpProtocols = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
/** What they offer for anything. Istio: mtlsTCPWithMxcALPNs, in two orders. */
const anyProtocols = ["istio-peer-exchange", "istio"];
/** All that they offer. Istio: allIstioMtlsALPNs. */
export const meshProtocols: string[] = ["istio", "istio-peer-exchange", ...httpProtocols];

const raw: ChainMatch = { transportProtocol: "raw_buffer" };
/** TLS of the workload's own where mutual TLS has a chain too; else all of it. */
const tls: ChainMatch = { transportProtocol: "tls" };

function offering(applicationProtocols: string[]): ChainMatch {
  return { applicationProtocols, transportProtocol: "tls" };
}

const http = (match: ChainMatch, mesh = false): InboundMatch => ({ match, http: true, mesh });
const tcp = (match: ChainMatch, mesh = false): InboundMatch => ({ match, http: false, mesh });

/** How a port is looked into: as requests, as connections, or as what each connection turns out to be. */
export type Manner = "http" | "tcp" | "sniffed";

const table: Readonly<Record<Manner, Readonly<Record<MutualTlsMode, readonly InboundMatch[]>>>> = {
  http: {
    PERMISSIVE: [http(offering(meshProtocols), true), http(raw)],
    STRICT: [http(tls, true)],
    DISABLE: [http(raw)],
  },
  tcp: {
    PERMISSIVE: [tcp(offering(meshProtocols), true), tcp(raw), tcp(tls)],
    STRICT: [tcp(tls, true)],
    DISABLE: [tcp(raw)],
  },
  sniffed: {
    PERMISSIVE: [
      http(offering(httpProtocols), true),
      http(plainHttp),
      tcp(offering(anyProtocols), true),
      tcp(raw),
      tcp(tls),
    ],
    STRICT: [http(offering(httpProtocols), true), tcp(tls, true)],
    DISABLE: [http(plainHttp), tcp(raw)],
  },
};

/** The chains of a port, as what it takes in asks for. Istio: getFilterChainMatchOptions. */
export function inboundMatches(manner: Manner, mode: MutualTlsMode): readonly InboundMatch[] {
  return table[manner][mode];
}

/** The only chain of a port with TLS settings of its own. Istio: getTLSFilterChainMatchOptions. */
export function ownTlsMatch(manner: Manner): InboundMatch {
  return { match: tls, http: manner === "http", mesh: false };
}
