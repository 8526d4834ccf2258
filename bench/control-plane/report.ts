import type { Figures } from "./measure.ts";

const mb = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 10e6 ? 2 : 0);
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

const columns: readonly (readonly [string, (figures: Figures) => string])[] = [
  ["services", ({ size }) => String(size.services)],
  ["sidecars", ({ size }) => `${size.proxies}${size.scoped ? " scoped" : ""}`],
  ["start s", ({ start }) => start.seconds.toFixed(2)],
  ["CPU-s", ({ start }) => start.cpuSeconds.toFixed(2)],
  ["MB", ({ start }) => mb(start.bytes)],
  ["endpoint p50 ms", ({ endpoint }) => endpoint.p50.toFixed(0)],
  ["p99 ms", ({ endpoint }) => endpoint.p99.toFixed(0)],
  ["CPU-s", ({ endpoint }) => endpoint.cpuSeconds.toFixed(2)],
  ["MB", ({ endpoint }) => mb(endpoint.bytes)],
  ["VS p50 ms", ({ route }) => route.p50.toFixed(0)],
  ["p99 ms", ({ route }) => route.p99.toFixed(0)],
  ["CPU-s", ({ route }) => route.cpuSeconds.toFixed(2)],
  ["MB", ({ route }) => mb(route.bytes)],
  ["VS sends", ({ route }) => sent(route.resources)],
  ["no-op B", ({ nothing }) => String(nothing)],
  ["RSS MiB", ({ rss }) => mib(rss)],
  ["peak", ({ peak }) => mib(peak)],
  ["others' CPU", ({ others }) => `${(100 * others).toFixed(0)} %`],
];

/** `rds 500` */
function sent(resources: Readonly<Record<string, number>>): string {
  return Object.entries(resources)
    .map(([type, count]) => `${type} ${Math.round(count)}`)
    .join(" ");
}

/** A line for each size, so that growth can be read off. */
export function figuresTable(all: readonly Figures[]): string {
  const rows = [columns.map(([title]) => title), ...all.map((figures) => columns.map(([, text]) => text(figures)))];
  return table(rows);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((text, column) => text.padStart(widths[column] ?? 0)).join("  ")).join("\n");
}

interface Compared {
  readonly what: string;
  readonly unit: string;
  /** Real istiod 1.31 on 2 cores, 500 sidecars, 1,000 services. */
  readonly istiod: number;
  /** At most. */
  readonly target: number;
  readonly weft: (figures: Figures) => number;
}

const compared: readonly Compared[] = [
  { what: "all configured", unit: "s", istiod: 21.8, target: 5, weft: ({ start }) => start.seconds },
  { what: "", unit: "CPU-s", istiod: 35, target: 3.5, weft: ({ start }) => start.cpuSeconds },
  { what: "", unit: "MB", istiod: 956, target: 956, weft: ({ start }) => start.bytes / 1e6 },
  { what: "one endpoint changes, p99", unit: "ms", istiod: 270, target: 150, weft: ({ endpoint }) => endpoint.p99 },
  { what: "one VirtualService changes, p99", unit: "ms", istiod: 3800, target: 500, weft: ({ route }) => route.p99 },
  { what: "", unit: "CPU-s", istiod: 5.6, target: 0.6, weft: ({ route }) => route.cpuSeconds },
  { what: "", unit: "MB", istiod: 246, target: 246, weft: ({ route }) => route.bytes / 1e6 },
  { what: "RSS after that", unit: "MB", istiod: 1700, target: 400, weft: ({ rss }) => rss / 1e6 },
];

/** Against real istiod and the targets: for 500 sidecars with 1,000 services. */
export function targetsTable(figures: Figures): string {
  const rows = compared.map(({ what, unit, istiod, target, weft }) => {
    const value = weft(figures);
    const number = value < 10 ? value.toFixed(2) : value.toFixed(0);
    const verdict = value <= target ? "met" : "MISSED";
    return [what.padEnd(32), unit, String(istiod), String(target), number, `${(istiod / value).toFixed(1)} ×`, verdict];
  });
  return table([["500 sidecars, 1,000 services", "", "istiod 1.31", "at most", "Weft", "ratio", "target"], ...rows]);
}
