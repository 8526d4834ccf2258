import { memo } from "#model/memo.ts";
import type { DeltaRequest } from "./discovery.ts";
import { nameSet } from "./name-set.ts";
import type { Resource } from "./resource.ts";
import { findIn, findNamed, listOf, listVersion, type ResourceSet, sizeOf } from "./resource-set.ts";
import {
  type Ask,
  isSubscribed,
  namesOf,
  type Outgoing,
  openNames,
  type Reaction,
  type Rejection,
  type Subscription,
  takeAnswer,
} from "./subscription.ts";

/** Takes an incremental request in. Names count whatever its nonce is; an answer counts for the response it names. */
export function receiveDelta(subscription: Subscription, request: DeltaRequest): Reaction {
  if (!subscription.isOpen) {
    openNames(subscription, request.subscribe);
    for (const [name, version] of request.initialVersions)
      if (isSubscribed(subscription, name)) subscription.held.set(name, version);
    return { ask: { force: new Set(), always: request.initialVersions.size === 0 } };
  }
  const sent = subscription.unanswered.get(request.responseNonce);
  const answer = request.responseNonce
    ? (takeAnswer(subscription, request.responseNonce, request.error) ?? { stale: true as const })
    : {};
  const retry = "rejected" in answer && answer.rejected && sent ? partsToRetry(answer.rejected, namesOf(sent)) : [];
  const ask = changeNames(subscription, request);
  return { ...answer, ...(ask ? { ask } : {}), ...(retry.length > 0 ? { retry } : {}) };
}

/**
 * A client may drop the whole response for one bad resource: Envoy does so when a message breaks a constraint of its
 * proto, and with endpoints and routes. Then the parts go alone, until each bad resource is by itself. Of clusters and listeners that fail later,
 * Envoy keeps the good ones and says so.
 */
function partsToRetry(rejection: Rejection, sent: readonly string[]): readonly ReadonlySet<string>[] {
  if (sent.length < 2 || rejection.message.startsWith("Error adding/updating ")) return [];
  const named = new Set(rejection.names);
  if (named.size === 1) return [new Set(sent).difference(named)];
  if (named.size < sent.length) return [new Set(sent).difference(named), named];
  const middle = Math.ceil(sent.length / 2);
  return [new Set(sent.slice(0, middle)), new Set(sent.slice(middle))];
}

function changeNames(subscription: Subscription, request: DeltaRequest): Ask | undefined {
  const { held } = subscription;
  if (request.subscribe.length === 0 && request.unsubscribe.length === 0) return undefined;
  const names = new Set(subscription.names);
  const affected = new Set<string>();
  const wasWildcard = subscription.wildcard;
  for (const name of request.unsubscribe) {
    if (name === "*") {
      subscription.wildcard = false;
      subscription.oldWildcard = false;
      held.retain(names);
    } else if (names.delete(name)) {
      // Under a wildcard the client must hear whether it stays: it can't tell (xDS: "Unsubscribing from Resources").
      if (subscription.wildcard) affected.add(name);
      else held.delete(name);
    }
  }
  for (const name of request.subscribe) {
    if (name === "*") subscription.wildcard = true;
    else {
      names.add(name);
      // Also when it was subscribed to already: the client may have dropped it (xDS: "Subscribing to Resources").
      affected.add(name);
    }
  }
  subscription.names = nameSet([...names]);
  if (subscription.wildcard && !wasWildcard) return { force: affected, always: true };
  return affected.size > 0 ? { names: affected, force: affected, always: false } : undefined;
}

/** Options of {@link respondDelta} besides what was asked. */
interface DeltaOptions {
  /** Leave removals for later: nothing may refer to what is removed. */
  readonly keepRemoved?: boolean;
}

/**
 * What has to be told of `resources`, which are all there is (or, with `ask.names`, all there is of those): what is new,
 * changed or forced, and the names that are gone. A name that was asked for and doesn't exist comes as removed.
 * Undefined when there is nothing to tell.
 */
export function respondDelta(
  subscription: Subscription,
  resources: ResourceSet,
  ask: Ask,
  { keepRemoved = false }: DeltaOptions = {},
): Outgoing | undefined {
  const { changed, removed } = ask.names
    ? bringNames(subscription, resources, ask.names, ask.force, keepRemoved)
    : bringAll(subscription, resources, ask.force, keepRemoved);
  if (sizeOf(changed) === 0 && removed.length === 0 && !ask.always) return undefined;
  const lists = [changed.shared, changed.own].filter((list) => list.length > 0);
  const version = lists.map((list) => listVersion(list));
  return { version: version.join("."), resources: changed, removed };
}

interface Told {
  readonly changed: ResourceSet;
  readonly removed: readonly string[];
}

/** Brings the client to `set`. */
function bringAll(
  { names, held }: Subscription,
  set: ResourceSet,
  force: ReadonlySet<string>,
  keepRemoved: boolean,
): Told {
  const { changed, gone } = held.difference(set);
  const absent = absentNames(names, set);
  const unknown = absent.filter((name) => !held.has(name));
  const later = keepRemoved ? gone.map((name) => [name, held.get(name) ?? ""] as const) : [];
  const told = keepRemoved ? absent.filter((name) => held.get(name) === "") : absent;
  held.replace(set);
  for (const name of told) held.set(name, "");
  for (const [name, version] of later) held.set(name, version);
  return { changed: withForced(changed, set, force), removed: keepRemoved ? [] : [...gone, ...unknown] };
}

/** Brings the client up to date with these names; `set` is what exists of them. */
function bringNames(
  { names, held }: Subscription,
  set: ResourceSet,
  asked: ReadonlySet<string>,
  force: ReadonlySet<string>,
  keepRemoved: boolean,
): Told {
  const changed = listOf(set).filter(({ name, version }) => held.get(name) !== version || force.has(name));
  for (const { name, version } of changed) held.set(name, version);
  // A name that was asked for just now is answered in any case, others once.
  const removed = keepRemoved ? [] : absentNames(asked, set).filter((name) => force.has(name) || held.get(name) !== "");
  for (const name of removed) {
    if (names.has(name)) held.set(name, "");
    else held.delete(name);
  }
  return { changed: { shared: [], own: changed }, removed };
}

function absentNames(names: ReadonlySet<string>, set: ResourceSet): readonly string[] {
  if (names.size === 0) return [];
  const absent = absentFrom(names, set.shared);
  return set.own.length === 0 ? absent : absent.filter((name) => findNamed(set.own, name) === undefined);
}

const absentFrom = memo((names: ReadonlySet<string>, list: readonly Resource[]): readonly string[] =>
  [...names].filter((name) => findNamed(list, name) === undefined),
);

function withForced(changed: ResourceSet, set: ResourceSet, force: ReadonlySet<string>): ResourceSet {
  if (force.size === 0) return changed;
  const there = new Set(namesOf(changed));
  const added: Resource[] = [];
  for (const name of force) {
    const resource = there.has(name) ? undefined : findIn(set, name);
    if (resource) added.push(resource);
  }
  return added.length === 0 ? changed : { shared: changed.shared, own: [...changed.own, ...added] };
}
