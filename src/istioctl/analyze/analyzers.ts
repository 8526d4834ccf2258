import type { Analyzer } from "./analyzer.ts";
import { applicationUid } from "./analyzers/application-uid.ts";
import { authorizationWorkloads } from "./analyzers/authorization-workloads.ts";
import { certificateVerification } from "./analyzers/certificate-verification.ts";
import { conditions } from "./analyzers/conditions.ts";
import { conflictingGateways } from "./analyzers/conflicting-gateways.ts";
import { conflictingMeshHosts } from "./analyzers/conflicting-mesh-hosts.ts";
import { conflictingServiceEntries } from "./analyzers/conflicting-service-entries.ts";
import { delegates } from "./analyzers/delegate.ts";
import { deprecatedFields } from "./analyzers/deprecated-fields.ts";
import { destinationHost } from "./analyzers/destination-host.ts";
import { envoyFilterOperation } from "./analyzers/envoy-filter-operation.ts";
import { gatewayPorts } from "./analyzers/gateway-ports.ts";
import { gatewayReference } from "./analyzers/gateway-reference.ts";
import { injection } from "./analyzers/injection.ts";
import { jwtClaimRoute } from "./analyzers/jwt-claim-route.ts";
import { keyAddresses } from "./analyzers/key-addresses.ts";
import { kubernetesRoutes } from "./analyzers/kubernetes-routes.ts";
import { listenerConflict } from "./analyzers/listener-conflict.ts";
import { portName } from "./analyzers/port-name.ts";
import { schemas } from "./analyzers/schema.ts";
import { serviceEntryAddresses } from "./analyzers/service-entry-addresses.ts";
import { sidecarSelector } from "./analyzers/sidecar-selector.ts";
import { subset } from "./analyzers/subset.ts";
import { subsetPods } from "./analyzers/subset-pods.ts";

/** Every analyzer, by name. */
export const analyzers: readonly Analyzer[] = [
  applicationUid,
  authorizationWorkloads,
  certificateVerification,
  conditions,
  conflictingGateways,
  conflictingMeshHosts,
  conflictingServiceEntries,
  delegates,
  deprecatedFields,
  destinationHost,
  envoyFilterOperation,
  gatewayPorts,
  gatewayReference,
  injection,
  jwtClaimRoute,
  keyAddresses,
  kubernetesRoutes,
  listenerConflict,
  portName,
  serviceEntryAddresses,
  sidecarSelector,
  subset,
  subsetPods,
  ...schemas,
].sort((a, b) => (a.name < b.name ? -1 : 1));
