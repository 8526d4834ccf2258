import { receiveDelta, respondDelta } from "./delta.ts";
import {
  type DeltaRequest,
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaResponse,
  encodeSotwResponse,
  type SotwRequest,
} from "./discovery.ts";
import type { WireWriter } from "./protobuf-wire.ts";
import type { ResourceSet } from "./resource-set.ts";
import { receiveSotw, respondSotw } from "./sotw.ts";
import type { Ask, Outgoing, Reaction, Subscription } from "./subscription.ts";

export type VariantName = "sotw" | "delta";

/** Both variants of the protocol behind one face. */
export interface Variant<R extends SotwRequest | DeltaRequest> {
  decode(bytes: Uint8Array): R;
  receive(subscription: Subscription, request: R): Reaction;
  respond(
    subscription: Subscription,
    resources: ResourceSet,
    ask: Ask,
    options?: { readonly keepRemoved?: boolean },
  ): Outgoing | undefined;
  encode(response: Outgoing & { readonly typeUrl: string; readonly nonce: string }, controlPlane: string): WireWriter;
}

export const sotw: Variant<SotwRequest> = {
  decode: decodeSotwRequest,
  receive: receiveSotw,
  respond: respondSotw,
  encode: encodeSotwResponse,
};

export const delta: Variant<DeltaRequest> = {
  decode: decodeDeltaRequest,
  receive: receiveDelta,
  respond: respondDelta,
  encode: encodeDeltaResponse,
};
