import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { HTTPFaultSchema } from "#api/envoy/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { HTTPFaultInjection } from "#api/istio/virtual-service.ts";
import { durationOf } from "../proto.ts";
import { fraction, hundredths } from "../routes/percent.ts";

/** Numbers of gRPC's status codes. https://grpc.io/docs/guides/status-codes */
const grpcStatuses: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** The number of a gRPC status called `name`; -1 if there is none. */
function grpcStatusNumber(name: string): number {
  return grpcStatuses.indexOf(name);
}

/** Configuration of the fault filter for one route. Istio: TranslateFault. */
export function faultConfig(fault: HTTPFaultInjection): Any | undefined {
  const fixedDelay = durationOf(fault.delay?.fixedDelay);
  const delay =
    fault.delay && fixedDelay
      ? {
          faultDelaySecifier: { case: "fixedDelay" as const, value: fixedDelay },
          percentage: fault.delay.percentage ? fraction(fault.delay.percentage) : hundredths(fault.delay.percent ?? 0),
        }
      : undefined;
  const errorType = abortType(fault.abort);
  const abort =
    fault.abort && errorType
      ? { errorType, ...(fault.abort.percentage ? { percentage: fraction(fault.abort.percentage) } : {}) }
      : undefined;
  if (delay === undefined && abort === undefined) return undefined;
  const config = create(HTTPFaultSchema, { ...(delay ? { delay } : {}), ...(abort ? { abort } : {}) });
  return anyPack(HTTPFaultSchema, config);
}

function abortType(abort: HTTPFaultInjection["abort"]) {
  if (abort?.httpStatus !== undefined) return { case: "httpStatus", value: abort.httpStatus } as const;
  const status = abort?.grpcStatus === undefined ? -1 : grpcStatusNumber(abort.grpcStatus);
  return status < 0 ? undefined : ({ case: "grpcStatus", value: status } as const);
}
