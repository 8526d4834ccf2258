import { ApiError, badRequest, expired, fieldError, invalid, type Status } from "../api-error.ts";
import type { Core } from "../core.ts";
import { storageKey } from "../kinds/kind.ts";
import type { Obj } from "../object.ts";
import type { Change } from "../storage/history.ts";
import { encodeBookmark, encodeEvent, includeObjectOf } from "./encode.ts";
import { viewOf } from "./negotiate.ts";
import { revisionOf, type Target } from "./read.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** A watcher that is this many changes behind is cut off; it comes back by its last resourceVersion. */
const backlogLimit = 4096;
const watchLimit = 4096;
const bookmarkEveryMs = 60_000;

/** What a change means to somebody who sees only the selected objects. */
function eventOf(change: Change, selected: Selection): { type: string; object: Obj } | undefined {
  const now = change.type !== "DELETED" && selected(change.object);
  const before = change.previous !== undefined && selected(change.previous);
  if (now) return { type: before ? "MODIFIED" : "ADDED", object: change.object };
  if (!before) return undefined;
  return { type: "DELETED", object: change.object };
}

interface Plan {
  readonly resource: string;
  readonly selected: Selection;
  /** Objects that are told first, as if they were just added. */
  readonly initial: readonly Obj[];
  /** Changes after this revision follow. */
  readonly from: number;
  readonly endOfInitial: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** A change listener with a bounded queue, read as one batch at a time. */
class Backlog {
  readonly #changes: Change[] = [];
  #wake: (() => void) | undefined;
  overflown = false;

  push = (change: Change): void => {
    if (this.#changes.length >= backlogLimit) this.overflown = true;
    else this.#changes.push(change);
    this.wake();
  };

  wake = (): void => {
    this.#wake?.();
    this.#wake = undefined;
  };

  /** Resolves when there is something to take, or after `wake`. */
  async ready(): Promise<void> {
    if (this.#changes.length === 0 && !this.overflown) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  take(): Change[] {
    return this.#changes.splice(0);
  }
}

function errorLine(error: ApiError): string {
  const object: Status = error.status;
  return `${JSON.stringify({ type: "ERROR", object })}\n`;
}

async function* events(core: Core, request: ApiRequest, { served }: Target, plan: Plan): AsyncGenerator<Uint8Array> {
  const { selected, resource } = plan;
  const form = { view: viewOf(request), includeObject: includeObjectOf(request.query) };
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  // Everything between the plan and the first read is in the history.
  const missed = core.store.changesSince(resource, plan.from);
  if (!missed) {
    yield bytes(errorLine(expired(`too old resource version: ${plan.from} (${core.store.revision})`)));
    return;
  }
  const backlog = new Backlog();
  const unsubscribe = core.store.subscribe(resource, backlog.push);
  let bookmarkDue = false;
  const over = new AbortController();
  if (request.signal.aborted) over.abort();
  const end = () => {
    over.abort();
    backlog.wake();
  };
  request.signal.addEventListener("abort", end);
  const timeout = setTimeout(end, plan.timeoutMs).unref();
  const ticker = setInterval(() => {
    bookmarkDue = true;
    backlog.wake();
  }, bookmarkEveryMs).unref();
  core.watches.add(end);
  try {
    let first = true;
    let text = "";
    const tell = (type: string, object: Obj) => {
      text += encodeEvent(type, object, served, form, first);
      first = false;
    };
    for (const object of plan.initial) tell("ADDED", object);
    if (plan.endOfInitial) text += encodeBookmark(plan.from, served, form, true);
    for (const change of missed) {
      const event = eventOf(change, selected);
      if (event) tell(event.type, event.object);
    }
    if (text !== "") yield bytes(text);
    while (!over.signal.aborted) {
      text = "";
      await backlog.ready();
      for (const change of backlog.take()) {
        const event = eventOf(change, selected);
        if (event) tell(event.type, event.object);
      }
      if (bookmarkDue && plan.bookmarks) {
        // The backlog was emptied just now, so every change up to this revision is told.
        text += encodeBookmark(core.store.revision, served, form, false);
      }
      bookmarkDue = false;
      if (text !== "") yield bytes(text);
      if (backlog.overflown) {
        core.log.warn("watcher too slow, cut off", { resource, user: request.user.username });
        return;
      }
    }
  } finally {
    core.watches.delete(end);
    unsubscribe();
    request.signal.removeEventListener("abort", end);
    clearTimeout(timeout);
    clearInterval(ticker);
  }
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === "true" || value === "1";
}

export function watch(core: Core, request: ApiRequest, target: Target): ApiResponse {
  const { query } = request;
  const { kind } = target.served;
  if (core.watches.size >= watchLimit)
    throw new ApiError(429, "TooManyRequests", `${watchLimit} watches are open already, please try again later`, {
      retryAfterSeconds: 5,
    });
  const selection = selectionOf(kind, query, target.name === "" ? undefined : target.name);
  const within = kind.namespaced && target.namespace !== "" ? target.namespace : undefined;
  const selected: Selection = (object) =>
    (within === undefined || object.metadata.namespace === within) && selection(object);

  const asked = revisionOf(query);
  const sendInitial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch");
  if (sendInitial !== null && match !== "NotOlderThan")
    throw invalid("meta.k8s.io", "ListOptions", "", [
      match === null
        ? fieldError.forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
          )
        : fieldError.unsupported("resourceVersionMatch", match, ["NotOlderThan"]),
    ]);
  if (sendInitial === null && match !== null)
    throw invalid("meta.k8s.io", "ListOptions", "", [
      fieldError.forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      ),
    ]);
  const initial = sendInitial === null ? asked === undefined || asked === 0 : flag(query, "sendInitialEvents");
  const timeout = query.get("timeoutSeconds");
  const seconds = timeout === null ? 1800 + Math.random() * 1800 : Number(timeout);
  if (!Number.isFinite(seconds) || seconds < 0)
    throw badRequest(`timeoutSeconds: ${JSON.stringify(timeout)} is not a number of seconds`);
  const resource = storageKey(kind);
  const plan: Plan = {
    resource,
    selected,
    initial: initial ? core.store.list(resource, within).filter(selected) : [],
    from: initial || asked === undefined || asked === 0 ? core.store.revision : asked,
    endOfInitial: sendInitial !== null && initial && flag(query, "allowWatchBookmarks"),
    bookmarks: flag(query, "allowWatchBookmarks"),
    timeoutMs: Math.max(seconds, 1) * 1000,
  };
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
    body: events(core, request, target, plan),
  };
}
