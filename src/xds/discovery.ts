import { encodedResources } from "./encoded-resources.ts";
import { decodeNode, type XdsNode } from "./node.ts";
import { WireError, WireReader, WireWriter } from "./protobuf-wire.ts";
import { listOf, type ResourceSet } from "./resource-set.ts";

/** What requests of both variants have. */
interface AnyRequest {
  readonly typeUrl: string;
  /** Only in the first request of a stream, usually. */
  readonly node?: XdsNode;
  readonly responseNonce: string;
  /** Set when the client rejects the response of `responseNonce`. */
  readonly error?: { readonly code: number; readonly message: string };
}

/** `envoy.service.discovery.v3.DiscoveryRequest` */
export interface SotwRequest extends AnyRequest {
  readonly versionInfo: string;
  readonly resourceNames: readonly string[];
}

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest` */
export interface DeltaRequest extends AnyRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client still holds from an earlier stream: name to version. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

/** A response of either variant before it is encoded. */
export interface DiscoveryResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly resources: ResourceSet;
  /** Names of resources that are gone (delta only). */
  readonly removed: readonly string[];
}

/** More names than this, in one request or of one type on a stream, are refused. */
export const maxNames = 100_000;

function boundedPush(list: string[], value: string): void {
  if (list.length >= maxNames) throw new WireError(`more than ${maxNames} resource names in one request`);
  list.push(value);
}

/** Throws WireError for bytes that aren't one. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const reader = new WireReader(bytes);
  let typeUrl = "";
  let versionInfo = "";
  let responseNonce = "";
  let node: XdsNode | undefined;
  let error: AnyRequest["error"];
  const resourceNames: string[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) versionInfo = reader.string();
    else if (tag.field === 2) node = decodeNode(reader.bytes());
    else if (tag.field === 3) boundedPush(resourceNames, reader.string());
    else if (tag.field === 4) typeUrl = reader.string();
    else if (tag.field === 5) responseNonce = reader.string();
    else if (tag.field === 6) error = decodeStatus(reader.bytes());
    else reader.skip(tag.type);
  }
  return { typeUrl, versionInfo, responseNonce, resourceNames, ...(node ? { node } : {}), ...(error ? { error } : {}) };
}

/** Throws WireError for bytes that aren't one. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const reader = new WireReader(bytes);
  let typeUrl = "";
  let responseNonce = "";
  let node: XdsNode | undefined;
  let error: AnyRequest["error"];
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) node = decodeNode(reader.bytes());
    else if (tag.field === 2) typeUrl = reader.string();
    else if (tag.field === 3) boundedPush(subscribe, reader.string());
    else if (tag.field === 4) boundedPush(unsubscribe, reader.string());
    else if (tag.field === 5) {
      const [name, version] = decodeStringPair(reader.bytes());
      if (initialVersions.size >= maxNames) throw new WireError(`more than ${maxNames} initial resource versions`);
      initialVersions.set(name, version);
    } else if (tag.field === 6) responseNonce = reader.string();
    else if (tag.field === 7) error = decodeStatus(reader.bytes());
    else reader.skip(tag.type);
  }
  const optional = { ...(node ? { node } : {}), ...(error ? { error } : {}) };
  return { typeUrl, responseNonce, subscribe, unsubscribe, initialVersions, ...optional };
}

function decodeStringPair(bytes: Uint8Array): [string, string] {
  const reader = new WireReader(bytes);
  let key = "";
  let value = "";
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) key = reader.string();
    else if (tag.field === 2) value = reader.string();
    else reader.skip(tag.type);
  }
  return [key, value];
}

/** `google.rpc.Status` */
function decodeStatus(bytes: Uint8Array): { code: number; message: string } {
  const reader = new WireReader(bytes);
  const status = { code: 0, message: "" };
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) status.code = reader.varint();
    else if (tag.field === 2) status.message = reader.string();
    else reader.skip(tag.type);
  }
  return status;
}

/** Pieces of an encoded `DiscoveryResponse`; the resources' bytes are not copied. */
export function encodeSotwResponse(response: DiscoveryResponse, controlPlane: string): WireWriter {
  const writer = new WireWriter().string(1, response.version);
  for (const resource of listOf(response.resources)) writer.bytes(2, resource.any);
  return writer
    .string(4, response.typeUrl)
    .string(5, response.nonce)
    .message(6, new WireWriter().string(1, controlPlane));
}

/** Pieces of an encoded `DeltaDiscoveryResponse`; shared lists are encoded once for all. */
export function encodeDeltaResponse(response: DiscoveryResponse, controlPlane: string): WireWriter {
  const writer = new WireWriter().string(1, response.version);
  writer.encoded(encodedResources(response.resources));
  writer.string(4, response.typeUrl).string(5, response.nonce);
  for (const name of response.removed) writer.string(6, name);
  return writer.message(7, new WireWriter().string(1, controlPlane));
}
