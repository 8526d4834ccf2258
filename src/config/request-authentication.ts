import type { RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import type { IstioKind } from "./kind.ts";
import { checkRequestAuthentication } from "./request-authentication-rules.ts";
import { bool, countOf, duration, list, object, oneOf, resource, ruled, text } from "./schema/build.ts";
import { attachedPolicy } from "./schema/policy.ts";
import { schemaKind } from "./schema-kind.ts";

const name = text(undefined, { minLength: 1 });

const keysUri = ruled(text("Where the keys are read, as a URL.", { minLength: 1, maxLength: 2048 }), {
  "url(self).getScheme() in ['http', 'https']": "must be a URL that begins with http:// or https://",
});

const rule = object({
  issuer: text("Who signs the tokens: their claim `iss`.", { minLength: 1 }),
  audiences: list(name, "Whom the tokens are for, of their claim `aud`; anybody unless set."),
  jwksUri: keysUri,
  jwks_uri: { ...keysUri, description: "Old spelling of `jwksUri`." },
  jwks: text("The keys themselves, as a JSON Web Key Set."),
  fromHeaders: list(
    object(
      {
        name: text("Name of the header.", { minLength: 1 }),
        prefix: text("What comes before the token, with the space after it."),
      },
      { required: ["name"] },
    ),
    "Headers that have the token; unless one of these lists is set, Authorization and the parameter access_token.",
  ),
  fromParams: list(name, "Query parameters that have the token."),
  fromCookies: list(name, "Cookies that have the token."),
  outputPayloadToHeader: text("Header that gets the claims, as JSON in base64url."),
  outputClaimToHeaders: list(
    object(
      {
        header: text("Name of the header.", { minLength: 1, pattern: "^[-_A-Za-z0-9]+$" }),
        claim: text("The claim; parts of a path in it with dots between them.", { minLength: 1 }),
      },
      { required: ["header", "claim"] },
    ),
    "Headers that get single claims.",
  ),
  forwardOriginalToken: bool("Whether the token goes on to the workload."),
  timeout: duration("How long the keys may take to be read; 5s unless set."),
  spaceDelimitedClaims: list(name, "Claims that are lists of words, besides `scope` and `permission`.", {
    maxItems: 64,
  }),
  presence: oneOf(["OPTIONAL", "REQUIRED"], "Whether a request without such a token is refused."),
});

const rules = list(
  ruled(rule, {
    [`${countOf(["has(self.jwksUri)", "has(self.jwks_uri)", "has(self.jwks)"])} <= 1`]:
      "only one of jwks and jwksUri can be set",
  }),
  "The tokens that are valid. A request with any other is refused; one without is not.",
  { maxItems: 4096 },
);

export const requestAuthenticationKind: IstioKind = schemaKind<RequestAuthenticationSpec>(
  {
    kind: "RequestAuthentication",
    plural: "requestauthentications",
    singular: "requestauthentication",
    shortNames: ["ra"],
    group: "security.istio.io",
    versions: ["v1", "v1beta1"].map((version) => ({ name: version, served: true, storage: version === "v1" })),
    scope: "Namespaced",
    printerColumns: [],
    schema: resource(attachedPolicy({ jwtRules: rules }, "Which tokens of end users workloads accept.")),
  },
  checkRequestAuthentication,
);
