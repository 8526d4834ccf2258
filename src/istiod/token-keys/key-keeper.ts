import type { Log } from "#log/log.ts";
import { sourceId } from "#snapshot/key-source.ts";
import type { Conflict } from "#snapshot/problem.ts";
import type { TokenKeys } from "#snapshot/token-keys.ts";
import type { WantedKeys } from "#snapshot/token-rules.ts";
import type { KeyMetrics } from "./key-metrics.ts";
import { afterFailure, afterReading, isForgotten, type KeyState, newKeyState, used } from "./key-state.ts";
import type { TokenKeyOptions } from "./options.ts";
import { readKeys } from "./read-keys.ts";

/** Reads the keys that policies want, and keeps them up to date. */
export interface KeyKeeper {
  /** The same object until keys change. */
  current(): TokenKeys;
  /** What policies want from now on, by source. */
  want(wanted: ReadonlyMap<string, WantedKeys>): void;
  /** Resolves when all that is wanted was read, or couldn't be, once. */
  settled(): Promise<void>;
  /** Keys changed, or whether they can be read. */
  onChange(listener: () => void): void;
  /** Policies whose keys were never read. */
  problems(): readonly Conflict[];
}

export interface KeyKeeperOptions {
  readonly settings: Pick<TokenKeyOptions, "reader" | "refreshMs">;
  /** What is at a URL, within so many ms; throws an Error where nothing is. */
  readonly fetchText: (url: string, timeoutMs: number) => Promise<string>;
  readonly metrics: KeyMetrics;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Stands in for the system's clock and chance. */
  readonly now?: () => number;
  readonly random?: () => number;
}

const maxReading = 32;
/** Sources that don't answer must not keep those of other namespaces waiting. */
const maxReadingOfNamespace = 4;
/** Sources that nobody wants any more, and whose keys are still known. */
const maxUnused = 100;
/** Timers can't wait longer (ms). */
const longestWait = 2 ** 31 - 1;

export function createKeyKeeper(options: KeyKeeperOptions): KeyKeeper {
  const { settings, fetchText, metrics, signal, log, now = Date.now, random = Math.random } = options;
  const times = { refreshMs: settings.refreshMs, random };
  const states = new Map<string, KeyState>();
  const reading = new Set<string>();
  /** How many of them are for the policies of a namespace. */
  const readingOf = new Map<string, number>();
  const listeners: (() => void)[] = [];
  let wantedNow: ReadonlyMap<string, WantedKeys> = new Map();
  let current: TokenKeys = { reader: settings.reader, read: new Map() };
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));

  function schedule(): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    // One time for all of it: who comes due meanwhile would be neither read nor waited for.
    const at = now();
    const due = [...wantedNow.keys()]
      .flatMap((id) => states.get(id) ?? [])
      .filter(({ wanted }) => !reading.has(sourceId(wanted.source)))
      .sort((a, b) => a.dueAt - b.dueAt);
    for (const { wanted } of due.filter(({ dueAt }) => dueAt <= at)) {
      const namespace = namespacesOf(wanted).find((one) => (readingOf.get(one) ?? 0) < maxReadingOfNamespace);
      // Who has to wait for a place gets it when another is done.
      if (reading.size < maxReading && namespace !== undefined) void read(sourceId(wanted.source), namespace);
    }
    const next = due.find(({ dueAt }) => dueAt > at);
    if (next !== undefined) timer = setTimeout(schedule, Math.min(longestWait, Math.max(1, next.dueAt - at))).unref();
    settle();
  }

  async function read(id: string, namespace: string): Promise<void> {
    const state = states.get(id);
    if (state === undefined) return;
    reading.add(id);
    readingOf.set(namespace, (readingOf.get(namespace) ?? 0) + 1);
    const { source, timeoutMs, policies } = state.wanted;
    const deadline = now() + timeoutMs;
    let next: KeyState;
    try {
      const text = await readKeys(source, async (url) => {
        try {
          const answer = await fetchText(url, Math.max(1, deadline - now()));
          metrics.read();
          return answer;
        } catch (error) {
          metrics.failed();
          throw error;
        }
      });
      next = afterReading(states.get(id) ?? state, text, now(), times);
      if (state.failures > 0) log.info("keys of tokens can be read again", { url: source.url });
    } catch (error) {
      next = afterFailure(states.get(id) ?? state, now(), times);
      if (!signal.aborted)
        log.warn("keys of tokens can't be read", {
          url: source.url,
          policies: policies.slice(0, 10),
          effect: next.keys ? "those that were read before stay in use" : "tokens are refused",
          failures: next.failures,
          error,
        });
    }
    reading.delete(id);
    const left = (readingOf.get(namespace) ?? 1) - 1;
    if (left > 0) readingOf.set(namespace, left);
    else readingOf.delete(namespace);
    if (signal.aborted) return;
    states.set(id, next);
    if (next.keys !== state.keys) publish();
    // Also the first failure is told of.
    if (next.keys !== state.keys || (next.failures === 1 && next.keys === undefined)) tell();
    schedule();
  }

  function publish(): void {
    const read = new Map([...states].flatMap(([id, { keys }]) => (keys === undefined ? [] : [[id, keys] as const])));
    current = Object.freeze({ reader: settings.reader, read });
  }

  function tell(): void {
    for (const listener of listeners) listener();
  }

  function isSettled(): boolean {
    return [...wantedNow.keys()].every((id) => {
      const state = states.get(id);
      return state !== undefined && (state.readAt !== undefined || state.failures > 0);
    });
  }

  function settle(): void {
    if (waiting.length === 0 || !isSettled()) return;
    for (const done of waiting) done();
    waiting = [];
  }

  function forget(): void {
    const unused = [...states].filter(([id]) => !wantedNow.has(id)).sort(([, a], [, b]) => b.usedAt - a.usedAt);
    const old = unused.filter(([, state], index) => index >= maxUnused || isForgotten(state, now()));
    for (const [id] of old) states.delete(id);
    if (old.length > 0) publish();
  }

  return {
    current: () => current,
    want(wanted) {
      const at = now();
      for (const id of wantedNow.keys()) {
        const state = states.get(id);
        if (state !== undefined) states.set(id, { ...state, usedAt: at });
      }
      for (const [id, one] of wanted) {
        const state = states.get(id);
        states.set(id, state === undefined ? newKeyState(one, at) : used(state, one, at));
      }
      wantedNow = wanted;
      forget();
      schedule();
    },
    settled: () =>
      isSettled()
        ? Promise.resolve()
        : new Promise((done) => {
            waiting.push(done);
          }),
    onChange: (listener) => void listeners.push(listener),
    problems: () =>
      [...wantedNow].flatMap(([id, { policies, source }]) => {
        const state = states.get(id);
        if (state === undefined || state.keys !== undefined || state.failures === 0) return [];
        // Why is in the log: here it would tell who writes policies what istiod can reach.
        const message = `the keys at ${source.url} can't be read, so these tokens are refused; istiod's log says why`;
        return policies.map((resource) => ({
          resource,
          field: "spec.jwtRules",
          message,
          reason: "Unreachable" as const,
        }));
      }),
  };
}

function namespacesOf({ policies }: WantedKeys): readonly string[] {
  return [...new Set(policies.map((policy) => /^\S+ ([^/]+)\//.exec(policy)?.[1] ?? ""))];
}
