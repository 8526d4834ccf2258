import { create } from "@bufbuild/protobuf";
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOptionSchema,
} from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { Headers } from "#api/istio/virtual-service.ts";
import { compareText } from "#snapshot/config-order.ts";

export interface HeaderEdits {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
  /** The new authority, where `host` or `:authority` is set: Envoy doesn't let those be edited as headers. */
  readonly authority: string | undefined;
}

/** Istio: TranslateHeadersOperations. What is set comes before what is added, each sorted by name. */
export function headerEdits(headers: Headers | undefined): HeaderEdits {
  const { request, response } = headers ?? {};
  return {
    requestHeadersToAdd: [...options(request?.set, false), ...options(request?.add, true)],
    requestHeadersToRemove: (request?.remove ?? []).filter(isEditable),
    responseHeadersToAdd: [...options(response?.set, false), ...options(response?.add, true)],
    responseHeadersToRemove: (response?.remove ?? []).filter(isEditable),
    authority: authority(request?.set) ?? authority(request?.add),
  };
}

function options(headers: Readonly<Record<string, string>> | undefined, append: boolean): HeaderValueOption[] {
  return Object.entries(headers ?? {})
    .filter(([key]) => isEditable(key))
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) =>
      create(HeaderValueOptionSchema, {
        header: { key, value },
        appendAction: append
          ? HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD
          : HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
      }),
    );
}

function isEditable(key: string): boolean {
  return !key.startsWith(":") && key.toLowerCase() !== "host";
}

function authority(headers: Readonly<Record<string, string>> | undefined): string | undefined {
  return Object.entries(headers ?? {}).find(([key]) => /^(:authority|host)$/i.test(key))?.[1];
}
