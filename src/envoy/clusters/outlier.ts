import type { MessageInitShape } from "@bufbuild/protobuf";
import { OutlierDetectionSchema } from "#api/envoy/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { OutlierDetection } from "#api/istio/destination-rule.ts";
import { durationOf } from "../proto.ts";
import type { HttpSettings } from "./http-options.ts";

/** Istio: applyOutlierDetection. Detection by success rate is always off. */
export function outlierDetection(settings: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  const { consecutive5xxErrors, consecutiveGatewayErrors, consecutiveLocalOriginFailures } = settings;
  const enforced = (count: number): number => (count > 0 ? 100 : 0);
  const interval = durationOf(settings.interval);
  const baseEjectionTime = durationOf(settings.baseEjectionTime);
  return {
    enforcingSuccessRate: 0,
    ...(consecutive5xxErrors === undefined
      ? {}
      : { consecutive5xx: consecutive5xxErrors, enforcingConsecutive5xx: enforced(consecutive5xxErrors) }),
    ...(consecutiveGatewayErrors === undefined
      ? {}
      : {
          consecutiveGatewayFailure: consecutiveGatewayErrors,
          enforcingConsecutiveGatewayFailure: enforced(consecutiveGatewayErrors),
        }),
    ...(interval ? { interval } : {}),
    ...(baseEjectionTime ? { baseEjectionTime } : {}),
    ...(settings.maxEjectionPercent ? { maxEjectionPercent: settings.maxEjectionPercent } : {}),
    ...(settings.splitExternalLocalOriginErrors
      ? {
          splitExternalLocalOriginErrors: true,
          enforcingLocalOriginSuccessRate: 0,
          ...(consecutiveLocalOriginFailures
            ? {
                consecutiveLocalOriginFailure: consecutiveLocalOriginFailures,
                enforcingConsecutiveLocalOriginFailure: 100,
              }
            : {}),
        }
      : {}),
  };
}

/** Answers that count as errors, where they aren't just those with 5xx. */
export function errorCodes(settings: OutlierDetection | undefined): Pick<HttpSettings, "outlierDetection"> {
  const codes = settings?.outlierDetectionHttpErrorCodes ?? [];
  if (codes.length === 0) return {};
  const rules = codes.map((code) => ({
    rule: {
      case: "httpResponseHeadersMatch" as const,
      value: {
        headers: [
          {
            name: ":status",
            headerMatchSpecifier: {
              case: "stringMatch" as const,
              value: { matchPattern: { case: "exact" as const, value: String(code) } },
            },
          },
        ],
      },
    },
  }));
  const [only, ...others] = rules;
  const errorMatcher =
    only !== undefined && others.length === 0 ? only : { rule: { case: "orMatch" as const, value: { rules } } };
  return { outlierDetection: { errorMatcher } };
}
