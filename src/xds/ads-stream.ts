import type { Log } from "#log/log.ts";
import type { View, XdsClient } from "./client.ts";
import { type DeltaRequest, maxNames, type SotwRequest } from "./discovery.ts";
import { GrpcError, grpcCode } from "./grpc-status.ts";
import type { XdsNode } from "./node.ts";
import { WireError } from "./protobuf-wire.ts";
import { mergeScopes, type PushScope } from "./push-scope.ts";
import { healthTypeUrl, pushOrder, shortTypeName, typeUrls } from "./resource.ts";
import { findIn, listOf, noResources, type ResourceSet, sizeOf } from "./resource-set.ts";
import { type Ask, createSubscription, isSubscribed, noteSent, type Subscription } from "./subscription.ts";
import { delta, sotw, type Variant, type VariantName } from "./variant.ts";

export interface AdsStreamOptions {
  readonly log: Log;
  /** Identifies this control plane in responses. */
  readonly controlPlane: string;
  /** Unique for the connection; nonces start with it. */
  readonly connectionId: string;
  readonly open: (node: XdsNode) => XdsClient | Promise<XdsClient>;
  readonly send: (pieces: readonly Uint8Array[]) => boolean;
  /** Asks for a call of `runPush` soon. */
  readonly wantPush: () => void;
  /** The push that `runPush` started is over. */
  readonly onPushDone: () => void;
  readonly now: () => number;
}

/** A client may use this many types. */
const maxTypes = 64;
/** A client that answers nothing for so long (ms) gets the next push anyway. */
const answerPatience = 10_000;
/** Clusters that take longer (ms) to warm up, for a name that doesn't resolve, hold the rest of a push up no more. */
const warmingPatience = 1_500;
const none: ReadonlySet<string> = new Set();

export interface AdsStream {
  readonly variant: VariantName;
  readonly connectionId: string;
  readonly client: XdsClient | undefined;
  readonly node: XdsNode | undefined;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  receive(message: Uint8Array): Promise<void>;
  /** Merges into what is to be pushed. */
  schedule(scope: PushScope): void;
  /**
   * Sends what is scheduled, unless the client is still busy with the last push; then it asks again when it is done.
   * True when a push is under way afterwards.
   */
  runPush(): boolean;
  /** Something waits that time may decide: `runPush` should be called now and then. */
  readonly isDelayed: boolean;
  drained(): void;
  close(): void;
}

/**
 * One ADS stream. What can happen in it: a request comes (answered at once, from the view of the last push), a push is due
 * (a new view; one at a time, others merge meanwhile), the client answered the last response of a push (removals that
 * had to wait go out, the next push may start), the socket drains, the stream closes.
 */
export function createAdsStream(name: VariantName, options: AdsStreamOptions): AdsStream {
  return name === "sotw" ? create(name, sotw, options) : create(name, delta, options);
}

function create<R extends SotwRequest | DeltaRequest>(
  name: VariantName,
  variant: Variant<R>,
  options: AdsStreamOptions,
): AdsStream {
  const { log, now } = options;
  const subscriptions = new Map<string, Subscription>();
  let client: XdsClient | undefined;
  let node: XdsNode | undefined;
  let view: View | undefined;
  let pending: PushScope | undefined;
  let pendingSince = 0;
  /** The push that is under way: since when it was due, and when its last response went out. */
  let pushing: { readonly since: number; sentAt: number } | undefined;
  /** The rest of the push waits until the client has the clusters. */
  let isHolding = false;
  let removalsDue = false;
  let isBlocked = false;
  let isClosed = false;
  let counter = 0;
  /** Clusters that were sent since their endpoints were: Envoy warms them and waits for endpoints again. */
  const warming = new Set<string>();
  /** Who comes with clusters from an earlier stream may come with endpoints too. */
  let cameWithClusters = false;

  function generate(subscription: Subscription, ask: Ask): ResourceSet {
    if (!view) return noResources;
    const { typeUrl, names, wildcard } = subscription;
    if (ask.names) return ask.names.size === 0 ? noResources : view.generate(typeUrl, ask.names);
    if (!wildcard) return names.size === 0 ? noResources : view.generate(typeUrl, names);
    const all = view.generate(typeUrl);
    if (names.size === 0) return all;
    const extra = listOf(view.generate(typeUrl, names)).filter(({ name }) => findIn(all, name) === undefined);
    if (extra.length === 0) return all;
    return { shared: all.shared, own: [...all.own, ...extra].sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  function tell(subscription: Subscription, ask: Ask, keepRemoved = false): void {
    const { typeUrl } = subscription;
    const isEndpoints = typeUrl === typeUrls.endpoint;
    const forced = isEndpoints && warming.size > 0 ? ask.force.union(warming) : ask.force;
    const outgoing = variant.respond(
      subscription,
      generate(subscription, ask),
      { ...ask, force: forced },
      { keepRemoved },
    );
    if (!outgoing) return;
    counter += 1;
    const nonce = `${options.connectionId}-${counter.toString(36)}`;
    noteSent(subscription, nonce, outgoing);
    const message = variant.encode({ ...outgoing, typeUrl, nonce }, options.controlPlane);
    if (!options.send(message.pieces())) isBlocked = true;
    if (pushing) pushing.sentAt = now();
    if (typeUrl === typeUrls.cluster) noteWarming(outgoing.resources);
    else if (isEndpoints && warming.size > 0) for (const { name } of listOf(outgoing.resources)) warming.delete(name);
    const resources = sizeOf(outgoing.resources);
    client?.onSent?.(typeUrl, { resources, bytes: message.length });
    log.debug("sent", {
      type: shortTypeName(typeUrl),
      nonce,
      resources,
      removed: outgoing.removed.length,
      bytes: message.length,
    });
  }

  function noteWarming(clusters: ResourceSet): void {
    const endpoints = subscriptions.get(typeUrls.endpoint);
    if (!endpoints && !cameWithClusters) return;
    for (const { name } of listOf(clusters)) if (!endpoints || isSubscribed(endpoints, name)) warming.add(name);
  }

  /** Endpoints of clusters that were just sent, for a client that already asked for endpoints. */
  function tellWarming(): void {
    const endpoints = subscriptions.get(typeUrls.endpoint);
    if (!endpoints || warming.size === 0) return;
    const names = new Set([...warming].filter((name) => isSubscribed(endpoints, name)));
    if (names.size > 0) tell(endpoints, { names, force: names, always: false });
  }

  function isWaiting(): boolean {
    for (const { unanswered } of subscriptions.values()) if (unanswered.size > 0) return true;
    return false;
  }

  function sendPush(scope: PushScope): void {
    if (scope === "all") {
      for (const subscription of inPushOrder(subscriptions))
        if (keepsRemoved(subscription)) tell(subscription, { force: none, always: false }, true);
      removalsDue = name === "delta";
      isHolding = true;
      return;
    }
    const endpoints = subscriptions.get(typeUrls.endpoint);
    if (endpoints) tell(endpoints, { force: none, always: false }, true);
  }

  /** Listeners, routes and all else that may refer to the clusters. */
  function sendRest(): void {
    isHolding = false;
    for (const subscription of inPushOrder(subscriptions))
      if (!keepsRemoved(subscription)) tell(subscription, { force: none, always: false });
  }

  /** Envoy answers clusters when they are warm: a route that came sooner would find its cluster missing. */
  function waitsForClusters(): boolean {
    return (subscriptions.get(typeUrls.cluster)?.unanswered.size ?? 0) > 0;
  }

  /** Routes and listeners that refer to a cluster have been replaced by now: it may go, and then its endpoints. */
  function sendRemovals(): void {
    removalsDue = false;
    for (const subscription of inPushOrder(subscriptions))
      if (keepsRemoved(subscription)) tell(subscription, { force: none, always: false });
  }

  function finishPush(): void {
    if (!pushing) return;
    if (isHolding && !waitsForClusters()) sendRest();
    if (isWaiting()) return;
    if (removalsDue) {
      sendRemovals();
      if (isWaiting()) return;
    }
    client?.onConverged?.(now() - pushing.since);
    pushing = undefined;
    options.onPushDone();
  }

  function apply(request: R, subscription: Subscription): void {
    const type = shortTypeName(subscription.typeUrl);
    const isFirst = !subscription.isOpen;
    const answered = subscription.unanswered.get(request.responseNonce);
    const reaction = variant.receive(subscription, request);
    const { size } = subscription.names;
    if (size > maxNames) {
      log.warn("a proxy asks for too many names", { type, names: size, limit: maxNames });
      throw new GrpcError(grpcCode.resourceExhausted, `${size} names of one type; at most ${maxNames} are told`);
    }
    if (isFirst && subscription.typeUrl === typeUrls.cluster) cameWithClusters = !subscription.held.isEmpty;
    if (reaction.stale) log.debug("stale nonce", { type, nonce: request.responseNonce });
    if (reaction.rejected) {
      const { message, names } = reaction.rejected;
      log.warn("proxy rejected configuration", { type, resources: names.slice(0, 20), error: message });
      if (view) client?.onRejected?.(subscription, reaction.rejected, view);
    } else if (reaction.acked && answered) client?.onAccepted?.(subscription, answered);
    for (const names of reaction.retry ?? []) tell(subscription, { names, force: names, always: false });
    if (reaction.ask) tell(subscription, reaction.ask);
    if ((reaction.ask || reaction.retry) && subscription.typeUrl === typeUrls.cluster) tellWarming();
  }

  const stream: AdsStream = {
    variant: name,
    connectionId: options.connectionId,
    get client() {
      return client;
    },
    get node() {
      return node;
    },
    subscriptions,
    async receive(message) {
      const request = decodeOrRefuse(variant, message);
      if (!client) {
        if (!request.node)
          throw new GrpcError(grpcCode.invalidArgument, "the first request of a stream must name its node");
        node = request.node;
        const opened = await options.open(node);
        if (isClosed) return opened.onClosed?.();
        client = opened;
        view = client.view();
      }
      // Envoy's health reports and the like share the stream with Istio's agent; they ask for nothing.
      if (request.typeUrl === "") throw new GrpcError(grpcCode.invalidArgument, "the request names no type_url");
      if (request.typeUrl === healthTypeUrl)
        return client.onHealth?.(request.error && (request.error.message || "unwell"));
      let subscription = subscriptions.get(request.typeUrl);
      if (!subscription) {
        if (subscriptions.size >= maxTypes)
          throw new GrpcError(grpcCode.resourceExhausted, `more than ${maxTypes} resource types on one stream`);
        subscription = createSubscription(request.typeUrl);
        subscriptions.set(request.typeUrl, subscription);
      }
      apply(request, subscription);
      finishPush();
      if (pending) options.wantPush();
    },
    schedule(scope) {
      if (pending === undefined) pendingSince = now();
      pending = mergeScopes(pending, scope);
      options.wantPush();
    },
    get isDelayed() {
      return pending !== undefined || isHolding;
    },
    runPush() {
      if (isClosed || !client || isBlocked) return pushing !== undefined;
      if (isHolding && pushing && now() - pushing.sentAt > warmingPatience) {
        sendRest();
        finishPush();
      }
      if (pending === undefined) return pushing !== undefined;
      if (pushing && now() - pushing.sentAt > answerPatience) {
        log.warn("no answer to the last push", { seconds: answerPatience / 1000 });
        for (const { unanswered } of subscriptions.values()) unanswered.clear();
        isHolding = false;
        removalsDue = false;
        finishPush();
      }
      if (pushing) return true;
      const scope = pending;
      pending = undefined;
      pushing = { since: pendingSince, sentAt: now() };
      view = client.view();
      sendPush(scope);
      finishPush();
      return pushing !== undefined;
    },
    drained() {
      isBlocked = false;
      if (pending) options.wantPush();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      options.onPushDone();
      client?.onClosed?.();
    },
  };
  return stream;
}

function decodeOrRefuse<R extends SotwRequest | DeltaRequest>(variant: Variant<R>, message: Uint8Array): R {
  try {
    return variant.decode(message);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw new GrpcError(grpcCode.invalidArgument, `not a discovery request: ${cause.message}`, { cause });
  }
}

/** Removals of these wait until nothing refers to them any more. */
function keepsRemoved({ typeUrl }: Subscription): boolean {
  return typeUrl === typeUrls.cluster || typeUrl === typeUrls.endpoint;
}

function inPushOrder(subscriptions: ReadonlyMap<string, Subscription>): readonly Subscription[] {
  const rank = ({ typeUrl }: Subscription): number => {
    const at = pushOrder.indexOf(typeUrl);
    return at === -1 ? pushOrder.length : at;
  };
  return [...subscriptions.values()].sort((a, b) => rank(a) - rank(b));
}
