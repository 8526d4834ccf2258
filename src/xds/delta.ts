import type { DeltaRequest } from "./discovery.ts";
import type { Resource } from "./resource.ts";
import {
  type Ask,
  isSubscribed,
  type Outgoing,
  openNames,
  type Reaction,
  type Rejection,
  type Subscription,
  setVersion,
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
  const retry = "rejected" in answer && answer.rejected && sent ? partsToRetry(answer.rejected, sent) : [];
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
  const { names, held } = subscription;
  const affected = new Set<string>();
  const wasWildcard = subscription.wildcard;
  for (const name of request.unsubscribe) {
    if (name === "*") {
      subscription.wildcard = false;
      subscription.oldWildcard = false;
      for (const other of held.keys()) if (!names.has(other)) held.delete(other);
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
  resources: readonly Resource[],
  ask: Ask,
  options: DeltaOptions = {},
): Outgoing | undefined {
  const { held } = subscription;
  const present = new Set<string>();
  const changed: Resource[] = [];
  for (const resource of resources) {
    present.add(resource.name);
    if (!isSubscribed(subscription, resource.name) && !ask.names?.has(resource.name)) continue;
    if (held.get(resource.name) !== resource.version || ask.force.has(resource.name)) changed.push(resource);
  }
  const removed: string[] = [];
  if (!options.keepRemoved) {
    // A name that was asked for just now is answered in any case, others once.
    if (ask.names) {
      for (const name of ask.names)
        if (!present.has(name) && (ask.force.has(name) || held.get(name) !== "")) removed.push(name);
    } else {
      for (const [name, version] of held) if (version !== "" && !present.has(name)) removed.push(name);
      for (const name of subscription.names) if (!held.has(name) && !present.has(name)) removed.push(name);
    }
  }
  if (changed.length === 0 && removed.length === 0 && !ask.always) return undefined;
  for (const { name, version } of changed) held.set(name, version);
  for (const name of removed) {
    if (subscription.names.has(name)) held.set(name, "");
    else held.delete(name);
  }
  const version = setVersion(changed.map(({ name, version }) => [name, version]));
  return { version, resources: changed, removed };
}
