import type { ClientTLS, DestinationRule } from "#api/istio/destination-rule.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Message, message } from "../message.ts";

export const certificateVerification: Analyzer = {
  name: "destinationrule.CaCertificateAnalyzer",
  description: "TLS to a destination verifies its certificate",
  needs: "config",
  analyze: (mesh) => mesh.destinationRules.flatMap(check),
};

function check(rule: DestinationRule): Message[] {
  const policy = rule.spec?.trafficPolicy;
  const selective = rule.spec?.workloadSelector !== undefined;
  const messages: Message[] = [];
  const why = "has no caCertificates, so the server's certificate isn't verified";
  if (unverified(policy?.tls, selective)) {
    const text = `mode ${policy?.tls?.mode} ${why}`;
    messages.push(message("NoServerCertificateVerificationDestinationLevel", rule, "spec.trafficPolicy.tls", text));
  }
  for (const [index, { tls, port }] of (policy?.portLevelSettings ?? []).entries()) {
    if (!unverified(tls, selective)) continue;
    const field = `spec.trafficPolicy.portLevelSettings[${index}].tls`;
    const text = `mode ${tls?.mode} at port ${port?.number} ${why}`;
    messages.push(message("NoServerCertificateVerificationPortLevel", rule, field, text));
  }
  return messages;
}

/** A credential counts only where a workload selector says which proxies read it (Istio: credentialName on sidecars). */
function unverified(tls: ClientTLS | undefined, selective: boolean): boolean {
  if (tls?.mode !== "SIMPLE" && tls?.mode !== "MUTUAL") return false;
  return !tls.caCertificates && !(tls.credentialName && selective);
}
