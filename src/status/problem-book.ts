import type { StatusProblem } from "./condition.ts";
import { type ConfigSource, sourceKey } from "./config-sources.ts";

/** A resource and what keeps it from being in effect. */
export interface SourceProblem {
  readonly source: ConfigSource;
  readonly problem: StatusProblem;
}

/** What is wrong with resources, by who says so: proxies with the same complaint count as one. */
export interface ProblemBook {
  /** One origin's problems, all of them: what it reported before and doesn't repeat is over. */
  report(origin: string, problems: readonly SourceProblem[]): void;
  /** What is wrong with the resource of that {@link sourceKey}, if anything. */
  problemOf(key: string): StatusProblem | undefined;
}

/** `onChange` is told the {@link sourceKey} of a resource whose problem may be another one now. */
export function createProblemBook(onChange: (key: string) => void): ProblemBook {
  /** By resource, then by origin. */
  const problems = new Map<string, Map<string, StatusProblem>>();
  const reported = new Map<string, readonly string[]>();

  return {
    report(origin, found) {
      const keys = new Map(found.map(({ source, problem }) => [sourceKey(source), problem]));
      for (const key of reported.get(origin) ?? []) {
        if (keys.has(key)) continue;
        const mine = problems.get(key);
        mine?.delete(origin);
        if (mine?.size === 0) problems.delete(key);
        onChange(key);
      }
      for (const [key, problem] of keys) {
        const mine = problems.get(key) ?? new Map<string, StatusProblem>();
        problems.set(key, mine);
        const before = mine.get(origin);
        if (before?.message === problem.message && before.reason === problem.reason) continue;
        mine.set(origin, problem);
        onChange(key);
      }
      if (keys.size > 0) reported.set(origin, [...keys.keys()]);
      else reported.delete(origin);
    },
    problemOf(key) {
      const mine = problems.get(key);
      // One origin is enough to say it, always the same while it complains, so that the text doesn't flap.
      return mine && [...mine].sort(([a], [b]) => (a < b ? -1 : 1))[0]?.[1];
    },
  };
}
