import type { AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import { checkAuthorizationPolicy } from "./authorization-policy-rules.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { list, object, oneOf, resource, ruled, text } from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { attachedPolicy } from "./schema/policy.ts";
import { schemaKind } from "./schema-kind.ts";

/** A list of values and one of those that aren't wanted. */
function both(name: string, about: string, of: (description: string) => JsonSchema = (d) => list(text(), d)) {
  const capital = `not${name[0]?.toUpperCase()}${name.slice(1)}`;
  return { [name]: of(about), [capital]: of(`None of these: ${about[0]?.toLowerCase()}${about.slice(1)}`) };
}

const patterns = "Exact, `prefix*`, `*suffix`, or `*` for any.";

const accounts = (description: string): JsonSchema =>
  list(text(undefined, { maxLength: 320 }), description, { maxItems: 16 });

const source = ruled(
  object(
    {
      ...both(
        "principals",
        `Identities of peers with mutual TLS, as TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT. ${patterns}`,
      ),
      ...both("requestPrincipals", `ISSUER/SUBJECT of the accepted token. ${patterns}`),
      ...both("namespaces", `Namespaces of peers with mutual TLS. ${patterns}`),
      ...both("serviceAccounts", "[NAMESPACE/]ACCOUNT of peers with mutual TLS.", accounts),
      ...both("ipBlocks", "Addresses that connections come from, or ranges of them."),
      ...both("remoteIpBlocks", "Addresses of clients, as trusted proxies tell them, or ranges of them."),
      ...both("trustDomains", `Trust domains of peers with mutual TLS. ${patterns}`),
    },
    { description: "All that is set must hold." },
  ),
  {
    "!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))":
      "serviceAccounts can't be set with namespaces or principals",
  },
);

const operation = object(
  {
    ...both("hosts", `Hosts that are asked for, in any case. ${patterns}`),
    ...both("ports", "Ports."),
    ...both("methods", `HTTP methods. ${patterns}`),
    ...both("paths", `Paths without the query. ${patterns} {*} stands for one part, {**} for any number of them.`),
  },
  { description: "All that is set must hold." },
);

const rule = object({
  from: list(object({ source }), "Who calls: one of these; anybody unless set.", { maxItems: 512 }),
  to: list(object({ operation }), "What is called: one of these; anything unless set."),
  when: list(
    object(
      {
        key: text("An attribute, such as request.headers[x-user]."),
        ...both("values", `What it may be. ${patterns}`),
      },
      { required: ["key"] },
    ),
    "Conditions that must all hold.",
  ),
});

export const authorizationPolicyKind: IstioKind = schemaKind<AuthorizationPolicySpec>(
  {
    kind: "AuthorizationPolicy",
    plural: "authorizationpolicies",
    singular: "authorizationpolicy",
    shortNames: ["ap"],
    group: "security.istio.io",
    versions: ["v1", "v1beta1"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      {
        name: "Action",
        type: "string",
        jsonPath: ".spec.action",
        description: "What happens to a call that matches.",
      },
      ageColumn,
    ],
    schema: resource(
      attachedPolicy(
        {
          rules: list(rule, "A call matches the policy if it matches one of these; none does unless set.", {
            maxItems: 512,
          }),
          action: oneOf(
            ["ALLOW", "DENY", "AUDIT", "CUSTOM"],
            "ALLOW unless set. With an ALLOW policy for a workload, whatever none of them matches is refused.",
          ),
          provider: object(
            { name: text("One of the mesh config's extensionProviders.") },
            { description: "Who decides, for CUSTOM." },
          ),
        },
        "Who may call what.",
      ),
      true,
    ),
  },
  checkAuthorizationPolicy,
);
