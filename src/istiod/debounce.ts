/** Turns bursts of calls into single runs. */
export interface Debounce {
  call(): void;
  stop(): void;
}

export interface DebounceOptions {
  /** A run comes when there was no call for so long, ms … */
  readonly quiet: number;
  /** … or, when the last run is a second ago, for so long: a single change takes effect sooner than one of many. */
  readonly quietAtFirst?: number;
  /** … but at the latest so long after the first call that waits, ms. */
  readonly longest: number;
  /** A call after a time of quiet runs at once instead of waiting. */
  readonly leading?: boolean;
  /** `waited`: ms since the first call that it covers. */
  readonly run: (waited: number) => void;
}

/** Without a run for so long, ms, it is calm. */
const calmAfter = 1_000;

export function createDebounce(options: DebounceOptions): Debounce {
  const { quiet, quietAtFirst = quiet, longest, leading = false, run } = options;
  let timer: NodeJS.Timeout | undefined;
  let firstAt: number | undefined;
  let lastRun = Number.NEGATIVE_INFINITY;

  /** The run of this turn of the loop is already due. */
  let isDue = false;

  function fire(): void {
    const now = performance.now();
    const waited = now - (firstAt ?? now);
    firstAt = undefined;
    isDue = false;
    lastRun = now;
    run(waited);
  }

  return {
    call() {
      if (isDue) return;
      const now = performance.now();
      isDue = leading && firstAt === undefined && now - lastRun >= quiet;
      firstAt ??= now;
      clearTimeout(timer);
      const enough = now - lastRun >= calmAfter ? quietAtFirst : quiet;
      timer = setTimeout(fire, isDue ? 0 : Math.max(0, Math.min(enough, firstAt + longest - now)));
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
