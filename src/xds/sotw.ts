import type { SotwRequest } from "./discovery.ts";
import { nameSet } from "./name-set.ts";
import { findIn, listOf, listVersion, type ResourceSet, type Version } from "./resource-set.ts";
import { type Ask, type Outgoing, openNames, type Reaction, type Subscription, takeAnswer } from "./subscription.ts";

/**
 * Takes a state-of-the-world request in. Every request repeats all names; one whose nonce isn't that of the last response
 * is stale and has no effect (xDS: "ACK and NACK semantics summary").
 */
export function receiveSotw(subscription: Subscription, request: SotwRequest): Reaction {
  if (!subscription.isOpen) {
    openNames(subscription, request.resourceNames);
    // The version a client brings from an earlier stream says what it holds only if it wanted everything then too:
    // with names it might have dropped one and asked for it again in between.
    if (subscription.wildcard && subscription.names.size === 0) subscription.ackedVersion = request.versionInfo;
    return { ask: { force: new Set(), always: subscription.ackedVersion === "" } };
  }
  if (request.responseNonce !== subscription.sentNonce) return { stale: true };
  const answer = takeAnswer(subscription, request.responseNonce, request.error);
  const ask = changeNames(subscription, request.resourceNames);
  return { ...answer, ...(ask ? { ask } : {}) };
}

function changeNames(subscription: Subscription, requested: readonly string[]): Ask | undefined {
  // An empty list goes on with the old form of the wildcard, and otherwise ends the subscription.
  if (requested.length === 0 && subscription.oldWildcard) return undefined;
  const wanted = new Set(requested);
  const wasWildcard = subscription.wildcard;
  subscription.wildcard = wanted.delete("*");
  subscription.oldWildcard = false;
  if (!subscription.wildcard)
    for (const name of subscription.names) if (!wanted.has(name)) subscription.held.delete(name);
  const added = [...wanted].filter((name) => !subscription.names.has(name));
  subscription.names = nameSet([...wanted]);
  if (subscription.wildcard) {
    return !wasWildcard || added.length > 0 ? { force: new Set(added), always: true } : undefined;
  }
  if (added.length === 0) return undefined;
  const names = new Set(added);
  return { names, force: names, always: false };
}

/**
 * What has to be told of `resources`, which are all there is (or, with `ask.names`, all there is of those). A wildcard gets
 * everything whenever anything changed; names get what changed. Undefined when there is nothing to tell.
 */
export function respondSotw(subscription: Subscription, resources: ResourceSet, ask: Ask): Outgoing | undefined {
  const { held, names, rejected } = subscription;
  if (subscription.wildcard) {
    const version = versionOf(listOf(resources));
    const last = subscription.sentNonce === "" ? subscription.ackedVersion : subscription.sentVersion;
    held.replace(resources);
    for (const name of rejected.keys()) if (findIn(resources, name) === undefined) rejected.delete(name);
    const isForced = [...ask.force].some((name) => findIn(resources, name) !== undefined);
    return version === last && !ask.always && !isForced ? undefined : { version, resources, removed: [] };
  }
  const changed = listOf(resources).filter(({ name, version }) => ask.force.has(name) || held.get(name) !== version);
  for (const name of ask.names ?? names) if (findIn(resources, name) === undefined) held.delete(name);
  if (ask.names) for (const { name, version } of changed) held.set(name, version);
  else held.replace(resources);
  if (changed.length === 0 && !ask.always) return undefined;
  const version = versionOf([...held].map(([name, version]) => ({ name, version })));
  return { version, resources: { shared: [], own: changed }, removed: [] };
}

/** The same for the same content, however it is shared out. */
function versionOf(list: readonly Version[]): string {
  return listVersion([...list].sort((a, b) => (a.name < b.name ? -1 : 1)));
}
