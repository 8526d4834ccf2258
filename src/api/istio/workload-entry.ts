import type { IstioObject } from "./object.ts";

export type WorkloadEntry = IstioObject<WorkloadEntrySpec>;

export interface WorkloadEntrySpec {
  /** IP address, DNS name, or `unix://` and a path. */
  readonly address?: string;
  /** Port numbers by the name of the service's port. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly network?: string;
  /** `region/zone/subzone`. */
  readonly locality?: string;
  readonly weight?: number;
  readonly serviceAccount?: string;
}
