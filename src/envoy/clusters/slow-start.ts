import type { Duration } from "@bufbuild/protobuf/wkt";
import type { LoadBalancer } from "#api/istio/destination-rule.ts";
import { durationOf } from "../proto.ts";

/** In the form that every kind of balancing takes it. */
export interface SlowStart {
  readonly slowStartWindow?: Duration;
  readonly aggression?: { readonly defaultValue: number; readonly runtimeKey: string };
  readonly minWeightPercent?: { readonly value: number };
}

/** How an endpoint that is new gets its share. Istio: setSlowStartConfig. */
export function slowStart(settings: LoadBalancer | undefined): SlowStart | undefined {
  const { warmup, warmupDurationSecs } = settings ?? {};
  const slowStartWindow = durationOf(warmup?.duration ?? warmupDurationSecs);
  if (slowStartWindow === undefined) return undefined;
  if (!warmup) return { slowStartWindow };
  return {
    slowStartWindow,
    ...(warmup.aggression ? { aggression: { defaultValue: warmup.aggression, runtimeKey: "" } } : {}),
    minWeightPercent: { value: warmup.minimumPercent ?? 10 },
  };
}
