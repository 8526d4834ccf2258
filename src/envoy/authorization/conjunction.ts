/** How conditions are joined: Envoy has this once for what is called and once for who calls. */
export interface Logic<M> {
  readonly any: M;
  readonly and: (all: readonly M[]) => M;
  readonly or: (some: readonly M[]) => M;
  readonly not: (one: M) => M;
}

/** What takes in calls with one of the values; undefined where it can't be said, as of requests where there are only connections. */
export type Say<M> = (values: readonly string[]) => M | undefined;

/** A condition on one attribute of a call: it has one of the values, if there are any, and none of the others. */
export interface Part<M> {
  readonly say: Say<M>;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/**
 * What takes in calls that meet all parts. A part that can't be said makes the whole undefined, or is left out if the whole may
 * take in more than is meant, as what forbids may. Istio: Model.Generate.
 */
export function conjunction<M>(logic: Logic<M>, parts: readonly Part<M>[], mayWiden: boolean): M | undefined {
  const said: M[] = [];
  for (const { say, values, notValues } of parts) {
    const wanted = values.length === 0 ? [] : [say(values)];
    const unwanted = notValues.length === 0 ? [] : [say(notValues)];
    for (const [list, form] of [
      [wanted, (one: M) => one],
      [unwanted, logic.not],
    ] as const) {
      for (const one of list) {
        if (one !== undefined) said.push(form(one));
        else if (!mayWiden) return undefined;
      }
    }
  }
  return logic.and(said.length === 0 ? [logic.any] : said);
}

/** Says each value by itself. */
export function each<M>(logic: Logic<M>, one: (value: string) => M | undefined): Say<M> {
  return (values) => {
    const said = values.map(one);
    return said.every((item) => item !== undefined) ? logic.or(said) : undefined;
  };
}

/** What can't be said. */
export function unsayable(): undefined {
  return undefined;
}
