import type { IstioObject } from "./object.ts";

export type Gateway = IstioObject<GatewaySpec>;

export interface GatewaySpec {
  readonly servers?: readonly Server[];
  readonly selector?: Readonly<Record<string, string>>;
}

export interface Server {
  readonly name?: string;
  readonly port?: ServerPort;
  readonly bind?: string;
  readonly hosts?: readonly string[];
  readonly tls?: ServerTLS;
  readonly defaultEndpoint?: string;
}

interface ServerPort {
  readonly number?: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly targetPort?: number;
}

type ServerTLSMode = "PASSTHROUGH" | "SIMPLE" | "MUTUAL" | "AUTO_PASSTHROUGH" | "ISTIO_MUTUAL" | "OPTIONAL_MUTUAL";

export interface ServerTLS {
  readonly httpsRedirect?: boolean;
  readonly mode?: ServerTLSMode;
  readonly serverCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly tlsCertificates?: readonly {
    readonly serverCertificate?: string;
    readonly privateKey?: string;
    readonly caCertificates?: string;
  }[];
  readonly credentialName?: string;
  readonly credentialNames?: readonly string[];
  readonly caCertCredentialName?: string;
  readonly subjectAltNames?: readonly string[];
  readonly verifyCertificateSpki?: readonly string[];
  readonly verifyCertificateHash?: readonly string[];
  readonly minProtocolVersion?: string;
  readonly maxProtocolVersion?: string;
  readonly cipherSuites?: readonly string[];
  readonly ecdhCurves?: readonly string[];
}
