const suffixes: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity (`100m`, `128Mi`, `1e3`) as a number; undefined when it isn't one. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^([+-]?[0-9.]+)(?:[eE]([+-]?[0-9]+)|([A-Za-z]*))$/.exec(String(text).trim());
  const factor = match?.[2] === undefined ? suffixes[match?.[3] ?? ""] : 10 ** Number(match[2]);
  const value = Number(match?.[1]);
  return match === null || factor === undefined || Number.isNaN(value) ? undefined : value * factor;
}
