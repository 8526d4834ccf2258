import { Held } from "./held.ts";
import { nameSet } from "./name-set.ts";
import { allowsWildcard } from "./resource.ts";
import { listOf, type ResourceSet } from "./resource-set.ts";

/**
 * What one stream knows about one resource type. It holds no socket and no clock: the variants (`sotw.ts`, `delta.ts`)
 * change it by what came in and by what goes out.
 */
export interface Subscription {
  readonly typeUrl: string;
  /** The client wants everything there is for it. */
  wildcard: boolean;
  /** The wildcard was asked for by an empty first request, not by `*`. */
  oldWildcard: boolean;
  /** Names it asked for one by one, besides or instead of the wildcard. Of {@link nameSet}: replaced, never changed. */
  names: ReadonlySet<string>;
  readonly held: Held;
  /** Responses that wait for an answer: nonce to what is in it. */
  readonly unanswered: Map<string, ResourceSet>;
  /** False until the first request was taken in. */
  isOpen: boolean;
  sentNonce: string;
  sentVersion: string;
  ackedNonce: string;
  ackedVersion: string;
  /** What the client rejected, until it accepts these names or they go: name to the client's words. */
  readonly rejected: Map<string, string>;
}

export interface Rejection {
  readonly nonce: string;
  /** The client's words, for example Envoy's `Error adding/updating cluster(s) …`. */
  readonly message: string;
  /** Of the names in the rejected response those that the message names, or all of them when it names none. */
  readonly names: readonly string[];
}

/** What a request asks for now. */
export interface Ask {
  /** Only these names, or undefined for all that is subscribed to. */
  readonly names?: ReadonlySet<string>;
  /** Names to send even if the client is thought to have them. */
  readonly force: ReadonlySet<string>;
  /** Answer even when there is nothing to tell, so that the client doesn't wait. */
  readonly always: boolean;
}

/** The consequences of one request. */
export interface Reaction {
  readonly ask?: Ask;
  readonly acked?: string;
  readonly rejected?: Rejection;
  /** Parts of the rejected response to send again one by one, so that what is good in it gets through. */
  readonly retry?: readonly ReadonlySet<string>[];
  /** The request answered a response that a later one has replaced; it was ignored. */
  readonly stale?: true;
}

/** What goes out: nonce and version are given by the variant. */
export interface Outgoing {
  readonly version: string;
  readonly resources: ResourceSet;
  readonly removed: readonly string[];
}

/** Answers that don't come are forgotten beyond this many. */
const maxUnanswered = 64;

export function createSubscription(typeUrl: string): Subscription {
  return {
    typeUrl,
    wildcard: false,
    oldWildcard: false,
    names: nameSet([]),
    held: new Held(),
    unanswered: new Map(),
    isOpen: false,
    sentNonce: "",
    sentVersion: "",
    ackedNonce: "",
    ackedVersion: "",
    rejected: new Map(),
  };
}

/**
 * Takes in the names of a stream's first request for a type. No names at all is the old form of a wildcard
 * (xDS: "How the client specifies what resources to return").
 */
export function openNames(subscription: Subscription, names: readonly string[]): void {
  subscription.isOpen = true;
  if (names.length === 0) {
    subscription.wildcard = allowsWildcard(subscription.typeUrl);
    subscription.oldWildcard = subscription.wildcard;
  }
  if (names.includes("*")) subscription.wildcard = true;
  subscription.names = nameSet(names.filter((name) => name !== "*"));
}

export function isSubscribed(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** Books an answer to a response that was sent on this stream. Undefined when the nonce isn't known (any more). */
export function takeAnswer(
  subscription: Subscription,
  nonce: string,
  error: { readonly message: string } | undefined,
): Pick<Reaction, "acked" | "rejected" | "retry"> | undefined {
  const sent = subscription.unanswered.get(nonce);
  if (sent === undefined) return undefined;
  subscription.unanswered.delete(nonce);
  if (error) {
    const names = namesOf(sent);
    const named = names.filter((name) => mentions(error.message, name));
    const rejection = { nonce, message: error.message, names: named.length > 0 ? named : names };
    for (const name of rejection.names) subscription.rejected.set(name, error.message);
    return { rejected: rejection };
  }
  subscription.ackedNonce = nonce;
  subscription.ackedVersion = subscription.sentVersion;
  if (subscription.rejected.size > 0) for (const name of namesOf(sent)) subscription.rejected.delete(name);
  return { acked: nonce };
}

export function namesOf(set: ResourceSet): readonly string[] {
  return listOf(set).map(({ name }) => name);
}

/** True when the text has the name as a word of its own, and not as a part of a longer name. */
function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const before = text.charAt(at - 1);
    const after = text.charAt(at + name.length);
    if (!isNamePart.test(before) && !isNamePart.test(after)) return true;
  }
  return false;
}

const isNamePart = /^[\w|/-]$/;

/** Books a response that is about to be sent. */
export function noteSent(subscription: Subscription, nonce: string, outgoing: Outgoing): void {
  subscription.sentNonce = nonce;
  subscription.sentVersion = outgoing.version;
  subscription.unanswered.set(nonce, outgoing.resources);
  for (const name of outgoing.removed) subscription.rejected.delete(name);
  for (const oldest of subscription.unanswered.keys()) {
    if (subscription.unanswered.size <= maxUnanswered) break;
    subscription.unanswered.delete(oldest);
  }
}
