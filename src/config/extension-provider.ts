import { bool, durationOrZero, list, map, object, text } from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { unsigned } from "./schema/traffic.ts";

const settings: Readonly<Record<string, JsonSchema>> = {
  service: text(),
  port: unsigned(),
  timeout: durationOrZero(),
  failOpen: bool(),
  clearRouteCache: bool(),
  statusOnError: text(),
  includeRequestBodyInCheck: object({ maxRequestBytes: unsigned(), allowPartialMessage: bool(), packAsBytes: bool() }),
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
