/** What a port takes in: plain text only, mutual TLS and plain text, mutual TLS only. Istio: model.MutualTLSMode. */
export type MutualTlsMode = "DISABLE" | "PERMISSIVE" | "STRICT";

/** What the ports of a workload take in. Frozen; equal ones are one object. */
export interface InboundMutualTls {
  /** Of ports that aren't named. */
  readonly mode: MutualTlsMode;
  /** By the workload's own port, in ascending order. */
  readonly perPort: ReadonlyMap<number, MutualTlsMode>;
}

/** What one port of a workload takes in. */
export function modeOfPort({ mode, perPort }: InboundMutualTls, port: number): MutualTlsMode {
  return perPort.get(port) ?? mode;
}
