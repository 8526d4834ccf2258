import type { Keys } from "#snapshot/token-keys.ts";
import type { WantedKeys } from "#snapshot/token-rules.ts";

/** What is known of one source of keys. Times in ms since the epoch. */
export interface KeyState {
  readonly wanted: WantedKeys;
  /** Undefined until they were read, and again when they are too old. */
  readonly keys: Keys | undefined;
  readonly readAt: number | undefined;
  /** When a policy wanted them last. */
  readonly usedAt: number;
  /** When to read them next. */
  readonly dueAt: number;
  /** How often reading failed since it last went well. */
  readonly failures: number;
}

export interface KeyTimes {
  readonly refreshMs: number;
  /** From 0 to 1, so that not all sources are read at once. */
  readonly random: () => number;
}

const firstRetryMs = 1_000;
/** Keys that were never read: tokens are refused until they are. */
const longestFirstRetryMs = 60_000;
/** Unused, or not to be read, for so long: keys are forgotten. Istio: JwtPubKeyEvictionDuration. */
const forgottenMs = 7 * 24 * 60 * 60 * 1000;

export function newKeyState(wanted: WantedKeys, now: number): KeyState {
  return { wanted, keys: undefined, readAt: undefined, usedAt: now, dueAt: now, failures: 0 };
}

/** The source is wanted as `wanted` says. If nobody wanted it for a while it is due at once. */
export function used(state: KeyState, wanted: WantedKeys, now: number): KeyState {
  return { ...state, wanted, usedAt: now };
}

/** Reading gave this text. The keys stay the same object if they say the same. */
export function afterReading(state: KeyState, text: string, now: number, { refreshMs, random }: KeyTimes): KeyState {
  return {
    ...state,
    keys: state.keys?.text === text ? state.keys : { text },
    readAt: now,
    failures: 0,
    // Within the last tenth of the interval.
    dueAt: now + refreshMs * (1 - 0.1 * random()),
  };
}

/** Reading failed: what was read before stays in use, for a week. It is tried again after 1 s, 2 s, 4 s and so on. */
export function afterFailure(state: KeyState, now: number, { refreshMs, random }: KeyTimes): KeyState {
  const isStale = state.readAt !== undefined && now - state.readAt >= forgottenMs;
  const keys = isStale ? undefined : state.keys;
  const longest = keys === undefined ? Math.min(longestFirstRetryMs, refreshMs) : refreshMs;
  const delay = Math.min(longest, firstRetryMs * 2 ** Math.min(state.failures, 30));
  return { ...state, keys, failures: state.failures + 1, dueAt: now + delay * (1 - 0.1 * random()) };
}

/** Whether nobody wanted the keys for so long that they are forgotten. */
export function isForgotten({ usedAt }: KeyState, now: number): boolean {
  return now - usedAt >= forgottenMs;
}
