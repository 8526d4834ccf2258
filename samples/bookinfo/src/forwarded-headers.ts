import type { IncomingHttpHeaders } from "node:http";

/**
 * Headers that an app hands on to the services it calls, so that traces join up and routing by user works all the way
 * (Istio: "Trace context propagation").
 */
const names = [
  "x-request-id",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "b3",
  "traceparent",
  "tracestate",
  "x-ot-span-context",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "x-cloud-trace-context",
  "grpc-trace-bin",
  "sw8",
  "end-user",
  "user-agent",
  "cookie",
  "authorization",
  "jwt",
] as const;

export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) forwarded[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return forwarded;
}
