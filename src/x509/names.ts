import { isIP } from "node:net";
import { context, type DerValue, oid, readAll, sequence, set, utf8 } from "./der.ts";

const organizationId = "2.5.4.10";

/** A name that a certificate stands for. */
export type AlternativeName =
  | { readonly dns: string }
  | { readonly ip: string }
  /** For example `spiffe://cluster.local/ns/default/sa/reviews`. */
  | { readonly uri: string };

/** The distinguished name `O=<organization>`, or the empty one. */
export function distinguishedName(organization?: string): Buffer {
  return sequence(...(organization ? [set(sequence(oid(organizationId), utf8(organization)))] : []));
}

/** The value of a subject alternative name extension (RFC 5280 §4.2.1.6). */
export function alternativeNames(names: readonly AlternativeName[]): Buffer {
  return sequence(...names.map(generalName));
}

/** What a subject alternative name extension holds, as `URI:…`, `DNS:…`, `IP:<hex>`; kinds that no workload has as `other:<tag>`. */
export function readAlternativeNames(value: Uint8Array): readonly string[] {
  const [names] = readAll(value);
  return readAll(names?.content ?? new Uint8Array()).map(spell);
}

function spell({ tag, content }: DerValue): string {
  const bytes = Buffer.from(content);
  if (tag === 0x86) return `URI:${bytes.toString("latin1")}`;
  if (tag === 0x82) return `DNS:${bytes.toString("latin1")}`;
  if (tag === 0x87) return `IP:${bytes.toString("hex")}`;
  return `other:${tag}`;
}

function generalName(name: AlternativeName): Buffer {
  if ("dns" in name) return context(2, Buffer.from(name.dns), "implicit");
  if ("uri" in name) return context(6, Buffer.from(name.uri), "implicit");
  return context(7, addressBytes(name.ip), "implicit");
}

function addressBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split(".").map(Number));
  if (isIP(ip) !== 6) throw new Error(`${ip} is not an IP address`);
  const [head = "", tail] = ip.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return Buffer.from([...left, ...middle, ...right].map((group) => group.padStart(4, "0")).join(""), "hex");
}
