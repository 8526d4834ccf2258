import type { Analyzer } from "../analyzer.ts";
import { describe, message } from "../message.ts";

const variable = "BLOCKED_CIDRS_IN_JWKS_URIS";

export const keyAddresses: Analyzer = {
  name: "authn.BlockedCIDRsAnalyzer",
  description: "where istiod reads keys of tokens from URLs, the operator has said which addresses it doesn't call",
  needs: "config",
  analyze({ requestAuthentications, deployments, rootNamespace }) {
    const reading = requestAuthentications.filter(({ spec }) => spec?.jwtRules?.some(({ jwks }) => !jwks));
    if (reading.length === 0) return [];
    const whose = reading.slice(0, 3).map(describe).join(", ");
    const more = reading.length > 3 ? ` and ${reading.length - 3} more` : "";
    return deployments
      .filter(({ metadata }) => metadata?.namespace === rootNamespace && metadata.labels?.["app"] === "istiod")
      .filter(({ spec }) => !spec?.template?.spec?.containers?.some(({ env = [] }) => env.some(isSet)))
      .map((deployment) => {
        const text = `calls any address for the keys that ${whose}${more} names: set ${variable} to what it must not call`;
        return message("JwksUriFetchUnrestricted", deployment, undefined, text);
      });
  },
};

function isSet({ name, value }: { readonly name?: string; readonly value?: string }): boolean {
  return name === variable && (value ?? "") !== "";
}
