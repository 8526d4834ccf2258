const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

/** Go's longest duration, 2^63 ns (292 years), in ms. */
const longest = 2 ** 63 / 1e6;

/** Milliseconds of a duration as Go and protobuf's JSON write it (`1.5s`, `1h30m`, `300ms`); `undefined` if it isn't one. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const negative = text.startsWith("-");
  part.lastIndex = negative ? 1 : 0;
  let total = 0;
  let end = part.lastIndex;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    total += Number(found[1]) * (units[found[2] ?? ""] ?? 0);
    end = part.lastIndex;
  }
  if (end !== text.length || end === (negative ? 1 : 0) || total >= longest) return undefined;
  return negative ? -total : total;
}
