const decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const nano = 1_000_000_000n;

/**
 * A quantity as Kubernetes writes it back (`0.1` → `100m`, `1024Mi` → `1Gi`, `1000` → `1k`): no fraction, the largest suffix.
 * What isn't a quantity stays as it is.
 */
export function canonicalQuantity(value: string | number): string {
  const text = String(value);
  const parts =
    /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?$/.exec(
      text,
    )?.groups;
  if (!parts || text.length > 64) return text;
  const { sign = "", whole = "", fraction = "", suffix = "" } = parts;
  if (whole + fraction === "") return text;
  const isBinary = suffix.endsWith("i");
  const isExponent = /^[eE]./.test(suffix);
  let numerator = BigInt(whole + fraction) * nano;
  let denominator = 10n ** BigInt(fraction.length);
  if (isBinary) numerator *= 1024n ** BigInt(binary.indexOf(suffix));
  else {
    const exponent = isExponent ? Number(suffix.slice(1)) : (decimal.indexOf(suffix) - 3) * 3;
    if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
    else denominator *= 10n ** BigInt(-exponent);
  }
  // Finer than a nano is rounded away from zero.
  const nanos = (numerator + denominator - 1n) / denominator;
  if (nanos === 0n) return "0";
  const minus = sign === "-" ? "-" : "";
  if (isBinary && nanos % nano === 0n) {
    let amount = nanos / nano;
    let step = 0;
    while (amount % 1024n === 0n && step < binary.length - 1) {
      amount /= 1024n;
      step++;
    }
    return `${minus}${amount}${binary[step] ?? ""}`;
  }
  let amount = nanos;
  let step = 0;
  while (amount % 1000n === 0n && step < decimal.length - 1) {
    amount /= 1000n;
    step++;
  }
  const power = (step - 3) * 3;
  if (isExponent) return power === 0 ? `${minus}${amount}` : `${minus}${amount}e${power}`;
  return `${minus}${amount}${decimal[step] ?? ""}`;
}

/** Makes every quantity of a resource list canonical, in place. */
export function canonicalQuantities(list: Record<string, string> | undefined): void {
  for (const [name, value] of Object.entries(list ?? {})) if (list) list[name] = canonicalQuantity(value);
}
