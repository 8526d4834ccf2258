import type { AuthorizerSettings, ExtensionProvider } from "#api/istio/extension-provider.ts";
import { bool, durationOrZero, list, map, object, text } from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";

/** Protobuf's JSON takes texts for numbers, and Istio's documentation writes them so. */
const count: JsonSchema = { "x-kubernetes-int-or-string": true };

const settings: Readonly<Record<string, JsonSchema>> = {
  service: text(),
  port: count,
  timeout: durationOrZero(),
  failOpen: bool(),
  clearRouteCache: bool(),
  statusOnError: text(),
  includeRequestBodyInCheck: object({ maxRequestBytes: count, allowPartialMessage: bool(), packAsBytes: bool() }),
};

const headers = list(text());

/** One of the mesh config's `extensionProviders`. Kinds that aren't listed are somebody else's. */
export const extensionProvider: JsonSchema = {
  ...object(
    {
      name: text(undefined, { minLength: 1 }),
      envoyExtAuthzGrpc: object(settings),
      envoyExtAuthzHttp: object({
        ...settings,
        pathPrefix: text(),
        includeRequestHeadersInCheck: headers,
        includeHeadersInCheck: headers,
        includeAdditionalHeadersInCheck: map(text()),
        headersToUpstreamOnAllow: headers,
        headersToDownstreamOnDeny: headers,
        headersToDownstreamOnAllow: headers,
      }),
    },
    { required: ["name"] },
  ),
  "x-kubernetes-preserve-unknown-fields": true,
};

/** A provider as the schema lets it through, with numbers as numbers. */
export function readExtensionProvider(provider: ExtensionProvider): ExtensionProvider {
  const { envoyExtAuthzGrpc: grpc, envoyExtAuthzHttp: http } = provider;
  return {
    ...provider,
    ...(grpc ? { envoyExtAuthzGrpc: withNumbers(grpc) } : {}),
    ...(http ? { envoyExtAuthzHttp: withNumbers(http) } : {}),
  };
}

function withNumbers<T extends AuthorizerSettings>(settings: T): T {
  const { port, includeRequestBodyInCheck: body } = settings;
  const checked = body && { ...body, maxRequestBytes: numberOf(body.maxRequestBytes) };
  return { ...settings, port: numberOf(port), ...(checked ? { includeRequestBodyInCheck: checked } : {}) };
}

function numberOf(value: unknown): number {
  return Number(value ?? 0);
}
