import { create } from "@bufbuild/protobuf";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
  FractionalPercentSchema,
} from "#api/envoy/gen/envoy/type/v3/percent_pb.js";
import type { Percent } from "#api/istio/virtual-service.ts";

/** `{ value: 12.5 }` in millionths, as exact as Envoy can be. */
export function fraction({ value = 0 }: Percent): FractionalPercent {
  return create(FractionalPercentSchema, {
    numerator: Math.trunc(value * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  });
}

/** Whole hundredths. */
export function hundredths(numerator: number): FractionalPercent {
  return create(FractionalPercentSchema, { numerator, denominator: FractionalPercent_DenominatorType.HUNDRED });
}
