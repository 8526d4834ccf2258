import type { DestinationRule, PortPolicy } from "#api/istio/destination-rule.ts";
import type { Naming } from "./naming.ts";
import type { Subsets } from "./subsets.ts";

/** What a DestinationRule means for the pods. Istio: printDestinationRule. */
export function destinationRuleLines(rule: DestinationRule, { matching, others }: Subsets, name: Naming): string[] {
  const { host = "", trafficPolicy } = rule.spec;
  const lines = [`DestinationRule: ${name(rule)} for ${JSON.stringify(host)}`];
  if (matching.length + others.length > 0) {
    if (matching.length === 0) {
      lines.push(`   WARNING POD DOES NOT MATCH ANY SUBSETS.  (Non matching subsets ${others.join(",")})`);
    }
    lines.push(`   Matching subsets: ${matching.join(",")}`);
    if (others.length > 0) lines.push(`      (Non-matching subsets ${others.join(",")})`);
  }
  if (!trafficPolicy) return [...lines, "   No Traffic Policy"];
  if (trafficPolicy.tls) lines.push(`   Traffic Policy TLS Mode: ${trafficPolicy.tls.mode ?? "DISABLE"}`);
  lines.push(...otherPolicies(trafficPolicy).map((line) => `   ${line}`));
  const ports = trafficPolicy.portLevelSettings ?? [];
  if (ports.length > 0) lines.push("   Port Level Settings:");
  for (const setting of ports) {
    lines.push(`    ${setting.port?.number ?? 0}:`);
    if (setting.tls) lines.push(`      TLS Mode: ${setting.tls.mode ?? "DISABLE"}`);
    lines.push(...otherPolicies(setting).map((line) => `      ${line}`));
  }
  return lines;
}

function otherPolicies({ loadBalancer, connectionPool, outlierDetection }: PortPolicy): string[] {
  const given = [
    ...(loadBalancer ? ["load balancer"] : []),
    ...(connectionPool ? ["connection pool"] : []),
    ...(outlierDetection ? ["outlier detection"] : []),
  ];
  return given.length > 0 ? [`Policies: ${given.join("/")}`] : [];
}
