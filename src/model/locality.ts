/** Where a workload runs; empty parts are unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

export const noLocality: Locality = Object.freeze({ region: "", zone: "", subzone: "" });

/** `region/zone/subzone`, or with dots as the label `istio-locality` has it. */
export function parseLocality(text: string): Locality {
  const separator = text.includes("/") ? "/" : ".";
  const [region = "", zone = "", ...rest] = text.split(separator);
  return { region, zone, subzone: rest.join(separator) };
}

/** `region/zone/subzone` without the empty parts at its end. */
export function formatLocality({ region, zone, subzone }: Locality): string {
  return [region, zone, subzone].join("/").replace(/\/+$/, "");
}
