/** Who a workload is, by its certificate. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Where a connection comes from and goes to. */
export interface Connection {
  /** Absent: plain text. */
  readonly identity?: Identity;
  readonly sourceIp: string;
  readonly destinationIp: string;
  readonly port: number;
  /** The server name of the TLS handshake. */
  readonly sni?: string;
}

export interface Token {
  /** `forged`: another key than the issuer's signed it. */
  readonly state: "valid" | "expired" | "forged";
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A request as it goes out on the wire. */
export interface HttpRequest {
  readonly method: string;
  /** The request target, as it is sent. */
  readonly target: string;
  readonly host: string;
  /** In order; a name may come twice. */
  readonly headers: readonly (readonly [string, string])[];
  readonly token?: Token;
}

/** A call of the workload; without `http` it is a connection and some bytes. */
export interface Call {
  readonly connection: Connection;
  readonly http?: HttpRequest;
}
