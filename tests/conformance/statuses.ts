const conflict = "Accepted=False/ProtocolConflict Programmed=False/ProtocolConflict Conflicted=True/ProtocolConflict";
const good =
  "Accepted=True/Accepted Programmed=True/Programmed Conflicted=False/NoConflicts ResolvedRefs=True/ResolvedRefs";
const badCertificate = "Programmed=False ResolvedRefs=False/InvalidCertificateRef";
const protocolConflict = "infra/gateway-with-listenerset-protocol-conflict";
const ofSets = "infra/listenerset-with-protocol-conflict-with";

/** Statuses that tests which are only described ask for, by the test's name. */
export const statuses: Readonly<Record<string, readonly string[]>> = {
  BackendTLSPolicyInvalidKind: [
    "BackendTLSPolicy infra/invalid-kind ancestor: Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidKind",
  ],
  GatewayInvalidRouteKind: [
    "Gateway infra/gateway-only-invalid-route-kind listener http: ResolvedRefs=False/InvalidRouteKinds kinds=",
    "Gateway infra/gateway-supported-and-invalid-route-kind listener http: ResolvedRefs=False/InvalidRouteKinds kinds=HTTPRoute",
  ],
  GatewayInvalidTLSConfiguration: [
    "nonexistent-secret",
    "unsupported-group",
    "unsupported-kind",
    "malformed-secret",
  ].map((name) => `Gateway infra/gateway-certificate-${name} listener https: ${badCertificate}`),
  GatewaySecretInvalidReferenceGrant: [
    "Gateway infra/gateway-secret-invalid-reference-grant listener https: ResolvedRefs=False/RefNotPermitted Programmed=False",
  ],
  GatewaySecretReferenceGrantAllInNamespace: [
    "Gateway infra/gateway-secret-reference-grant-all-in-namespace: Programmed=True/Programmed Accepted=True/Accepted",
    `Gateway infra/gateway-secret-reference-grant-all-in-namespace listener https: ${good} kinds=HTTPRoute,GRPCRoute`,
  ],
  GatewayWithAttachedRoutes: [
    `Gateway infra/gateway-with-one-attached-route listener http: ${good} attached=1 kinds=HTTPRoute`,
    `Gateway infra/gateway-with-two-attached-routes listener http: ${good} attached=2 kinds=HTTPRoute`,
    "Gateway infra/unresolved-gateway-with-one-attached-unresolved-route listener tls: ResolvedRefs=False attached=1",
    "HTTPRoute infra/http-route-not-accepted parent: Accepted=False/NoMatchingListenerHostname",
  ],
  GatewayInvalidFrontendClientCertificateValidation: [
    `Gateway infra/gateway-with-invalid-client-cert-validation listener https: ${good}`,
    ...[
      ["https-unresolved", "InvalidCACertificateRef"],
      ["https-invalid-kind", "InvalidCACertificateKind"],
      ["https-grant-missing", "RefNotPermitted"],
    ].map(
      ([name, reason]) =>
        `Gateway infra/gateway-with-invalid-client-cert-validation listener ${name}: ResolvedRefs=False/${reason} Accepted=False/NoValidCACertificate`,
    ),
  ],
  HTTPRouteDisallowedKind: ["HTTPRoute infra/disallowed-kind parent: Accepted=False/NotAllowedByListeners"],
  HTTPRouteInvalidCrossNamespaceParentRef: [
    "HTTPRoute web/invalid-cross-namespace-parent-ref parent: Accepted=False/NotAllowedByListeners",
  ],
  HTTPRouteInvalidParentRefNotMatchingListenerPort: [
    "HTTPRoute infra/httproute-listener-not-matching-route-port parent: Accepted=False/NoMatchingParent",
  ],
  HTTPRouteInvalidParentRefSectionNameNotMatchingPort: [
    "HTTPRoute infra/httproute-listener-section-name-not-matching-port parent: Accepted=False/NoMatchingParent",
  ],
  ListenerSetAllowedNamespaceNone: [
    "Gateway infra/gateway-does-not-allow-listenerset: Accepted=True sets=0",
    "ListenerSet infra/listenerset-not-allowed: Accepted=False/NotAllowed Programmed=False/NotAllowed",
  ],
  ListenerSetAllowedNamespaceSelector: [
    "Gateway infra/gateway-allows-listenerset-in-selected-namespace: Accepted=True sets=1",
    "ListenerSet gateway-api-listenerset-selector-allowed-ns/listenerset-in-selected-namespace: Accepted=True Programmed=True",
    "ListenerSet gateway-api-listenerset-selector-not-allowed-ns/listenerset-not-in-selected-namespace: Accepted=False/NotAllowed",
  ],
  ListenerSetAllowedRoutesSupportedKinds: [
    "ListenerSet infra/listenerset-test-allowed-routes-supported-kinds listener listener-set-listener-allowed-routes-tls-only: ResolvedRefs=False/InvalidRouteKinds kinds=",
  ],
  ListenerSetProtocolConflict: [
    `Gateway ${protocolConflict}: Accepted=True Programmed=True sets=2`,
    `Gateway ${protocolConflict} listener protocol-conflict-with-gateway-listener: ${good}`,
    `ListenerSet ${ofSets}-gateway-1: Accepted=True Programmed=True`,
    `ListenerSet ${ofSets}-gateway-1 listener listener-set-1-listener: ${good}`,
    `ListenerSet ${ofSets}-gateway-1 listener protocol-conflict-with-gateway-listener: ${conflict}`,
    `ListenerSet ${ofSets}-gateway-2: Accepted=False/ListenersNotValid`,
    `ListenerSet ${ofSets}-listener-set-1 listener protocol-conflict-with-listener-set-listener: ${conflict}`,
    `ListenerSet ${ofSets}-listener-set-2: Accepted=False/ListenersNotValid`,
  ],
  ListenerSetRouteStatusScopedToParentRef: [
    "HTTPRoute infra/route-parentref-gwonly parent gateway-parentref: Accepted=True ResolvedRefs=True parents=1",
    "HTTPRoute infra/route-parentref-lsonly parent listenerset-parentref: Accepted=True ResolvedRefs=True parents=1",
  ],
  TCPRouteInvalidCrossNamespaceBackendRef: [
    "TCPRoute infra/tcp-invalid-cross-namespace-backend-ref parent: ResolvedRefs=False/RefNotPermitted Accepted=True",
  ],
  TLSRouteInvalidBackendRefNonexistent: [
    "TLSRoute infra/invalid-backend-ref-nonexistent parent: ResolvedRefs=False/BackendNotFound Accepted=True",
  ],
  TLSRouteInvalidNoMatchingListener: [
    "TLSRoute infra/tlsroute-not-allowed-protocol-http parent: Accepted=False/NotAllowedByListeners",
    "TLSRoute infra/tlsroute-not-allowed-protocol-https parent: Accepted=False/NotAllowedByListeners",
    "TLSRoute infra/tlsroute-no-matching-section-name parent: Accepted=False/NoMatchingParent",
  ],
  TLSRouteInvalidReferenceGrant: [
    "TLSRoute infra/gateway-conformance-infra-test parent: ResolvedRefs=False/RefNotPermitted",
  ],
  TLSRouteListenerPassthroughSupportedKinds: [
    "Gateway infra/gateway-tlsroute-passthrough-supported-kind listener tls-passthrough: ResolvedRefs=False/InvalidRouteKinds kinds=TLSRoute",
  ],
  TLSRouteListenerTerminateSupportedKinds: [
    `Gateway infra/gateway-tlsroute-terminate-supported listener tls-terminate: ${good} kinds=TLSRoute`,
  ],
};
