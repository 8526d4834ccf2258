import { certificateFor, testCertificate } from "#envoy/static-bootstrap.fixture.ts";
import { rawExchange, statusesOf } from "../raw-exchange.ts";
import type { Decision } from "./decide.ts";
import type { Call, Identity } from "./request.ts";
import type { TokenIssuer } from "./token-issuer.ts";

const certificates = new Map<string, ReturnType<typeof certificateFor>>();

function certificateOf({ trustDomain, namespace, serviceAccount }: Identity): ReturnType<typeof certificateFor> {
  const uri = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  const made = certificates.get(uri) ?? certificateFor({ uri });
  certificates.set(uri, made);
  return made;
}

const decisions: Readonly<Record<number, Decision>> = {
  200: "allowed",
  400: "refused",
  401: "unauthenticated",
  403: "denied",
};

export interface Outcome {
  /** A {@link Decision}, or in words what isn't one. */
  readonly decision: string;
  /** The target that the workload saw. */
  readonly target?: string;
}

/** Makes the call for real. */
export async function makeCall({ connection, http }: Call, issuer: TokenIssuer): Promise<Outcome> {
  const { identity, sni, sourceIp, destinationIp, port } = connection;
  const tls = identity && {
    ...certificateOf(identity),
    ca: testCertificate.ca,
    // The other side has the name `test.example`, which isn't what is tested here.
    checkServerIdentity: () => undefined,
    ALPNProtocols: ["istio"],
    ...(sni ? { servername: sni } : {}),
  };
  const target = { host: destinationIp, port, from: sourceIp, ...(tls ? { tls } : {}) };
  if (!http) {
    const { text, error } = await rawExchange(target, "hello", { until: "hello" });
    // Whether nobody was connected, or somebody and then denied, is the same to the client.
    const isEcho = text === "hello";
    return { decision: isEcho ? "allowed" : text === "" || tls ? "kept out" : `${text} ${error ?? ""}` };
  }
  const token = http.token && (await issuer.sign(http.token));
  const lines = [
    `${http.method} ${http.target} HTTP/1.1`,
    `Host: ${http.host}`,
    ...http.headers.map(([name, value]) => `${name}: ${value}`),
    ...(token ? [`Authorization: Bearer ${token}`] : []),
    "Connection: close",
  ];
  const { text, error } = await rawExchange(target, `${lines.join("\r\n")}\r\n\r\n`);
  if (text === "" && error !== undefined) return { decision: "unconnected" };
  const decision = decisions[statusesOf(text)[0] ?? 0] ?? `${text.slice(0, 200)} ${error ?? ""}`;
  return { decision, ...(decision === "allowed" ? { target: text.slice(text.indexOf("\r\n\r\n") + 4) } : {}) };
}
