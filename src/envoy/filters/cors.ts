import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { CorsPolicySchema } from "#api/envoy/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import type { CorsPolicy } from "#api/istio/virtual-service.ts";
import { parseDuration } from "#model/duration.ts";
import { hundredths } from "../routes/percent.ts";
import { stringMatcher } from "../routes/string-match.ts";

/** Configuration of the CORS filter for one route. Istio: TranslateCORSPolicy. */
export function corsConfig(policy: CorsPolicy): Any {
  const origins = policy.allowOrigins ?? (policy.allowOrigin ?? []).map((exact) => ({ exact }));
  const maxAge = parseDuration(policy.maxAge ?? "");
  const config = create(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(stringMatcher).filter((match) => match !== undefined),
    allowMethods: (policy.allowMethods ?? []).join(","),
    allowHeaders: (policy.allowHeaders ?? []).join(","),
    exposeHeaders: (policy.exposeHeaders ?? []).join(","),
    ...(maxAge === undefined ? {} : { maxAge: String(Math.trunc(maxAge / 1000)) }),
    ...(policy.allowCredentials === undefined ? {} : { allowCredentials: policy.allowCredentials }),
    filterEnabled: { defaultValue: hundredths(100) },
    forwardNotMatchingPreflights: policy.unmatchedPreflights !== "IGNORE",
  });
  return anyPack(CorsPolicySchema, config);
}
