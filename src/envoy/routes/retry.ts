import { STATUS_CODES } from "node:http";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type RetryPolicy,
  RetryPolicy_RetryHostPredicateSchema,
  type RetryPolicySchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "#api/envoy/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "#api/envoy/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import type { HTTPRetry } from "#api/istio/virtual-service.ts";
import { durationOf } from "../proto.ts";

type Init = Exclude<MessageInitShape<typeof RetryPolicySchema>, RetryPolicy>;

/** Retries prefer hosts that haven't been tried. */
const otherHosts = create(RetryPolicy_RetryHostPredicateSchema, {
  name: "envoy.retry_host_predicates.previous_hosts",
  configType: {
    case: "typedConfig",
    value: anyPack(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)),
  },
});

const remoteLocalities = {
  name: "envoy.retry_priorities.previous_priorities",
  configType: {
    case: "typedConfig",
    value: anyPack(PreviousPrioritiesConfigSchema, create(PreviousPrioritiesConfigSchema, { updateFrequency: 2 })),
  },
} as const;

/** Istio: retry.ConvertPolicy. `undefined` when retries are switched off. With consistent hashing a retry stays at its host. */
export function retryPolicy(retry: HTTPRetry | undefined, consistentHash = false): Init | undefined {
  const base: Init = {
    numRetries: 2,
    retryOn: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    hostSelectionRetryMaxAttempts: 5n,
    retryHostPredicate: consistentHash ? [] : [otherHosts],
  };
  if (retry === undefined) return base;
  if ((retry.attempts ?? 0) <= 0) return undefined;
  const perTryTimeout = durationOf(retry.perTryTimeout);
  const backoff = durationOf(retry.backoff);
  return {
    ...base,
    numRetries: retry.attempts ?? 0,
    ...(retry.retryOn ? conditions(retry.retryOn) : {}),
    ...(perTryTimeout ? { perTryTimeout } : {}),
    ...(retry.retryIgnorePreviousHosts === undefined
      ? {}
      : { retryHostPredicate: retry.retryIgnorePreviousHosts ? [otherHosts] : [] }),
    ...(retry.retryRemoteLocalities ? { retryPriority: remoteLocalities } : {}),
    ...(backoff ? { retryBackOff: { baseInterval: backoff } } : {}),
  };
}

/** Splits status codes from Envoy's own conditions. */
function conditions(text: string): { retryOn: string; retriableStatusCodes: number[] } {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const codes = parts.filter((part) => /^\d+$/.test(part) && part in STATUS_CODES).map(Number);
  const names = parts.filter((part) => !codes.includes(Number(part)));
  if (codes.length > 0 && !names.includes("retriable-status-codes")) names.push("retriable-status-codes");
  return { retryOn: names.join(","), retriableStatusCodes: codes };
}
