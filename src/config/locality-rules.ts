import type { LocalityLoadBalancer, ZoneAwareLoadBalancer } from "#api/istio/destination-rule.ts";
import type { Report } from "./report.ts";

/** Istio: validateLocalityLbSetting. */
export function checkLocalities(setting: LocalityLoadBalancer | undefined, field: string, report: Report): void {
  if (setting === undefined) return;
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0 && (failover.length > 0 || failoverPriority.length > 0)) {
    report.error(field, "has both distribute and failover: shares leave nothing to fail over to");
  }
  distribute.forEach(({ from = "", to = {} }, index) => {
    const at = `${field}.distribute[${index}]`;
    checkLocality(from, `${at}.from`, report);
    for (const [locality, share] of Object.entries(to)) {
      checkLocality(locality, `${at}.to[${JSON.stringify(locality)}]`, report);
      if (share === 0)
        report.error(`${at}.to[${JSON.stringify(locality)}]`, "must be above 0: leave it out instead", 0);
    }
    const total = Object.values(to).reduce((sum, share) => sum + share, 0);
    if (total !== 100) report.error(`${at}.to`, "must add up to 100", total);
    checkOverlap(Object.keys(to), `${at}.to`, report);
  });
  checkOverlap(
    distribute.map(({ from = "" }) => from),
    `${field}.distribute`,
    report,
  );
  checkFailover(failover, field, report);
}

/** Places that are looked at in any case. */
const placesInUse: ReadonlySet<string> = new Set([
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
]);

/** Istio: validateZoneAwareLbSetting. */
export function checkZones(setting: ZoneAwareLoadBalancer | undefined, field: string, report: Report): void {
  const { failover = [], failoverPriority = [] } = setting ?? {};
  checkFailover(failover, field, report);
  failoverPriority.forEach((label, index) => {
    if (placesInUse.has(label.split("=", 1)[0] ?? ""))
      report.error(`${field}.failoverPriority[${index}]`, "must not be a place: regions and zones count anyway", label);
  });
}

function checkFailover(failover: NonNullable<LocalityLoadBalancer["failover"]>, field: string, report: Report): void {
  failover.forEach(({ from = "", to = "" }, index) => {
    const at = `${field}.failover[${index}]`;
    if (from === to) report.error(at, "goes from a region to itself", from);
    for (const [part, region] of [
      ["from", from],
      ["to", to],
    ] as const) {
      if (region.includes("*")) report.error(`${at}.${part}`, "must be a region, not a pattern", region);
      if (region.includes("/")) report.error(`${at}.${part}`, "must be a region without zones", region);
    }
  });
}

/** `*` stands for all that follows, so nothing may come after it. */
function checkLocality(locality: string, field: string, report: Report): void {
  if (locality === "") return report.error(field, "must not be empty");
  const parts = locality.split("/");
  if (parts.length > 3) report.error(field, "must be region/zone/subzone or less", locality);
  if (parts.some((part) => part === "")) report.error(field, "has an empty part", locality);
  if (locality.slice(0, -1).includes("*") || (locality.endsWith("*") && !/(^|\/)\*$/.test(locality))) {
    report.error(field, "may only have * as its last part", locality);
  }
}

/** No locality may be meant by two of them. */
function checkOverlap(localities: readonly string[], field: string, report: Report): void {
  localities.forEach((one, index) => {
    const other = localities.slice(0, index).find((before) => covers(before, one) || covers(one, before));
    if (other !== undefined) report.error(field, `has ${other} too, which overlaps`, one);
  });
}

function covers(outer: string, inner: string): boolean {
  const parts = inner.split("/");
  return outer.split("/").every((part, index) => part === "*" || part === parts[index]);
}
