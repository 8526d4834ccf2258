import type { SotwRequest } from "./discovery.ts";
import type { Resource } from "./resource.ts";
import {
  type Ask,
  isSubscribed,
  type Outgoing,
  openNames,
  type Reaction,
  type Subscription,
  setVersion,
  takeAnswer,
} from "./subscription.ts";

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
  for (const name of subscription.names) {
    if (wanted.has(name)) continue;
    subscription.names.delete(name);
    if (!subscription.wildcard) subscription.held.delete(name);
  }
  const added = [...wanted].filter((name) => !subscription.names.has(name));
  for (const name of added) subscription.names.add(name);
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
export function respondSotw(
  subscription: Subscription,
  resources: readonly Resource[],
  ask: Ask,
): Outgoing | undefined {
  const { held } = subscription;
  const wanted = resources.filter(({ name }) => isSubscribed(subscription, name));
  if (subscription.wildcard) {
    const version = setVersion(wanted.map(({ name, version }) => [name, version]));
    const last = subscription.sentNonce === "" ? subscription.ackedVersion : subscription.sentVersion;
    held.clear();
    const names = new Set(wanted.map(({ name }) => name));
    for (const name of subscription.rejected.keys()) if (!names.has(name)) subscription.rejected.delete(name);
    for (const { name, version } of wanted) held.set(name, version);
    if (version === last && !ask.always && !wanted.some(({ name }) => ask.force.has(name))) return undefined;
    return { version, resources: wanted, removed: [] };
  }
  const changed = wanted.filter(({ name, version }) => ask.force.has(name) || held.get(name) !== version);
  const present = new Set(resources.map(({ name }) => name));
  for (const name of ask.names ?? subscription.names) if (!present.has(name)) held.delete(name);
  for (const { name, version } of changed) held.set(name, version);
  if (changed.length === 0 && !ask.always) return undefined;
  return { version: setVersion(held), resources: changed, removed: [] };
}
