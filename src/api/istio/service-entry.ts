import type { IstioObject } from "./object.ts";
import type { WorkloadEntrySpec } from "./workload-entry.ts";
import type { WorkloadSelector } from "./workload-selector.ts";

export type ServiceEntry = IstioObject<ServiceEntrySpec>;

type ServiceEntryLocation = "MESH_EXTERNAL" | "MESH_INTERNAL";
type ServiceEntryResolution = "NONE" | "STATIC" | "DNS" | "DNS_ROUND_ROBIN" | "DYNAMIC_DNS";

export interface ServiceEntrySpec {
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly ServiceEntryPort[];
  readonly location?: ServiceEntryLocation;
  readonly resolution?: ServiceEntryResolution;
  readonly endpoints?: readonly WorkloadEntrySpec[];
  readonly workloadSelector?: WorkloadSelector;
  readonly exportTo?: readonly string[];
  readonly subjectAltNames?: readonly string[];
}

export interface ServiceEntryPort {
  readonly number: number;
  readonly name: string;
  readonly protocol?: string;
  readonly targetPort?: number;
}
