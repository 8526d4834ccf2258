import { X509Certificate } from "node:crypto";
import { earliestEnd, readChain } from "#x509/chain.ts";
import { generateKeyPair, type KeyPair } from "#x509/key-pair.ts";
import { pemBlocks } from "#x509/pem.ts";
import { buildRequest } from "#x509/request.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import type { ServerAddress } from "../istiod-connection.ts";
import { encodeStruct } from "../node-message.ts";
import type { AgentSettings } from "../settings.ts";
import { callOnce } from "../unary-call.ts";

const path = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
/** An external signer behind istiod takes its time. */
const limits = { timeoutMs: 30_000, maxBytes: 1024 * 1024 };

/** The workload's certificate with its key, which is in no other place. */
export interface WorkloadCertificate {
  readonly key: KeyPair["privateKey"];
  readonly leaf: X509Certificate;
  /** The leaf; if something comes between it and the root, that and the root too. PEM. */
  readonly chainPem: string;
  /** Whom to trust, as the CA says along with it, PEM each; the last is the root that this certificate goes back to. */
  readonly anchors: readonly string[];
  /** When it came, and when the first certificate of the chain ends, ms since the epoch. */
  readonly receivedAt: number;
  readonly endsAt: number;
}

/** Makes a new key and has it signed. Rejects when the CA can't be reached, refuses, or answers with something else. */
export async function requestCertificate(
  settings: AgentSettings,
  authority: ServerAddress,
): Promise<WorkloadCertificate> {
  const { keyKind, trustDomain, lifetimeMs, certSigner } = settings.identity;
  const pair = await generateKeyPair(keyKind);
  // The CA goes by the caller's token; the name says what is expected.
  const uri = `spiffe://${trustDomain}/ns/${settings.namespace}/sa/${settings.serviceAccount}`;
  const request = encodeRequest(buildRequest(pair, { uri }), Math.round(lifetimeMs / 1000), certSigner);
  const answer = await callOnce(authority, settings, path, request, limits);
  return readAnswer(decodeAnswer(answer), pair, Date.now());
}

/** `IstioCertificateRequest`: csr = 1, validity_duration (s) = 3, metadata = 4. */
function encodeRequest(csr: string, seconds: number, certSigner: string | undefined): Uint8Array {
  const request = new WireWriter().string(1, csr).varint(3, seconds);
  if (certSigner !== undefined) request.message(4, encodeStruct({ CertSigner: certSigner }));
  return request.finish();
}

/** `IstioCertificateResponse`: cert_chain = 1, repeated; the leaf first, the root last. */
function decodeAnswer(bytes: Uint8Array): readonly string[] {
  const reader = new WireReader(bytes);
  const chain: string[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) chain.push(reader.string());
    else reader.skip(tag.type);
  }
  return chain;
}

/**
 * From the first self-issued certificate on they are trust anchors; in an answer without any that is the last
 * (docs/decisions/0012-how-trust-is-told.md).
 */
function readAnswer(parts: readonly string[], pair: KeyPair, now: number): WorkloadCertificate {
  const blocks = parts.flatMap((part) => pemBlocks(part, "CERTIFICATE"));
  const selfIssued = readChain(blocks.join("")).findIndex(({ subject, issuer }) => subject === issuer);
  const split = selfIssued > 0 ? selfIssued : Math.max(1, blocks.length - 1);
  const chainPem = blocks.slice(0, split).join("");
  const chain = readChain(chainPem);
  const [leaf] = chain;
  if (leaf === undefined) throw new Error("the CA's answer has no certificate in it");
  if (!leaf.checkPrivateKey(pair.privateKey)) throw new Error("the CA's certificate is for another key");
  const endsAt = earliestEnd(chain);
  if (endsAt <= now)
    throw new Error(`the CA's certificate ended on ${new Date(endsAt).toISOString()}; is its clock right?`);
  const anchors = blocks.slice(split);
  return {
    key: pair.privateKey,
    leaf,
    chainPem: chainPem + rootAbove(chain, anchors),
    anchors,
    receivedAt: now,
    endsAt,
  };
}

/** Peers have the root. But whoever plugged a CA in looks for it in what the workload shows (Istio: "Plug in CA Certificates"). */
function rootAbove(chain: readonly X509Certificate[], anchors: readonly string[]): string {
  const top = chain.length > 1 ? chain.at(-1) : undefined;
  return anchors.find((anchor) => top?.checkIssued(new X509Certificate(anchor))) ?? "";
}
