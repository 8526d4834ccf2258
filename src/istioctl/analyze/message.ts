import type { KubeObject } from "#kube/object.ts";

export type Level = "Error" | "Warning" | "Info";

/** From the worst to the mildest. */
export const levels: readonly Level[] = ["Error", "Warning", "Info"];

export type MessageName =
  | "Deprecated"
  | "ReferencedResourceNotFound"
  | "NamespaceNotInjected"
  | "PodMissingProxy"
  | "SchemaValidationError"
  | "ConflictingMeshGatewayVirtualServiceHosts"
  | "ConflictingSidecarWorkloadSelectors"
  | "VirtualServiceDestinationPortSelectorRequired"
  | "PortNameIsNotUnderNamingConvention"
  | "NamespaceMultipleInjectionLabels"
  | "NoMatchingWorkloadsFound"
  | "NoServerCertificateVerificationDestinationLevel"
  | "NoServerCertificateVerificationPortLevel"
  | "VirtualServiceUnreachableRule"
  | "VirtualServiceIneffectiveMatch"
  | "VirtualServiceHostNotFoundInGateway"
  | "SchemaWarning"
  | "ServiceEntryAddressesRequired"
  | "InvalidApplicationUID"
  | "ConflictingGateways"
  | "JwtClaimBasedRoutingWithoutRequestAuthN"
  | "ExternalNameServiceTypeInvalidPortName"
  | "GatewayPortNotDefinedOnService"
  | "EnvoyFilterUsesRelativeOperation"
  | "EnvoyFilterUsesReplaceOperationIncorrectly"
  | "EnvoyFilterUsesAddOperationIncorrectly"
  | "EnvoyFilterUsesRemoveOperationIncorrectly"
  | "EnvoyFilterUsesRelativeOperationWithProxyVersion"
  | "NegativeConditionStatus"
  | "DestinationRuleSubsetNotSelectPods"
  | "UnknownDestinationRuleHost"
  | "JwksUriFetchUnrestricted"
  | "ConflictingServiceEntryProtocol";

/** Istio's codes of what our analyzers find (Istio: configuration analysis messages). The words are our own. */
export const catalogue: Readonly<Record<MessageName, { readonly code: string; readonly level: Level }>> = {
  Deprecated: { code: "IST0002", level: "Warning" },
  ReferencedResourceNotFound: { code: "IST0101", level: "Error" },
  NamespaceNotInjected: { code: "IST0102", level: "Info" },
  PodMissingProxy: { code: "IST0103", level: "Warning" },
  SchemaValidationError: { code: "IST0106", level: "Error" },
  ConflictingMeshGatewayVirtualServiceHosts: { code: "IST0109", level: "Error" },
  ConflictingSidecarWorkloadSelectors: { code: "IST0110", level: "Error" },
  VirtualServiceDestinationPortSelectorRequired: { code: "IST0112", level: "Error" },
  PortNameIsNotUnderNamingConvention: { code: "IST0118", level: "Info" },
  NamespaceMultipleInjectionLabels: { code: "IST0123", level: "Warning" },
  NoMatchingWorkloadsFound: { code: "IST0127", level: "Warning" },
  NoServerCertificateVerificationDestinationLevel: { code: "IST0128", level: "Warning" },
  NoServerCertificateVerificationPortLevel: { code: "IST0129", level: "Warning" },
  VirtualServiceUnreachableRule: { code: "IST0130", level: "Warning" },
  VirtualServiceIneffectiveMatch: { code: "IST0131", level: "Info" },
  VirtualServiceHostNotFoundInGateway: { code: "IST0132", level: "Warning" },
  SchemaWarning: { code: "IST0133", level: "Warning" },
  ServiceEntryAddressesRequired: { code: "IST0134", level: "Warning" },
  InvalidApplicationUID: { code: "IST0144", level: "Warning" },
  ConflictingGateways: { code: "IST0145", level: "Error" },
  JwtClaimBasedRoutingWithoutRequestAuthN: { code: "IST0149", level: "Error" },
  ExternalNameServiceTypeInvalidPortName: { code: "IST0150", level: "Warning" },
  GatewayPortNotDefinedOnService: { code: "IST0162", level: "Warning" },
  EnvoyFilterUsesRelativeOperation: { code: "IST0151", level: "Warning" },
  EnvoyFilterUsesReplaceOperationIncorrectly: { code: "IST0152", level: "Error" },
  EnvoyFilterUsesAddOperationIncorrectly: { code: "IST0153", level: "Error" },
  EnvoyFilterUsesRemoveOperationIncorrectly: { code: "IST0154", level: "Error" },
  EnvoyFilterUsesRelativeOperationWithProxyVersion: { code: "IST0155", level: "Warning" },
  NegativeConditionStatus: { code: "IST0171", level: "Warning" },
  DestinationRuleSubsetNotSelectPods: { code: "IST0173", level: "Error" },
  UnknownDestinationRuleHost: { code: "IST0174", level: "Warning" },
  JwksUriFetchUnrestricted: { code: "IST0175", level: "Warning" },
  ConflictingServiceEntryProtocol: { code: "IST0177", level: "Warning" },
};

/** One finding about one object. */
export interface Message {
  readonly name: MessageName;
  readonly code: string;
  readonly level: Level;
  readonly object: KubeObject;
  /** JSON path of what it is about, such as `spec.http[0].route[1]`; undefined: the object as a whole. */
  readonly field: string | undefined;
  readonly text: string;
}

/** `text` goes on where `field` ends: `is never used`. */
export function message(name: MessageName, object: KubeObject, field: string | undefined, text: string): Message {
  return { name, ...catalogue[name], object, field, text };
}

/** The finding as one sentence: `spec.hosts: …`. */
export function sentence({ field, text }: Message): string {
  return field === undefined ? text : `${field}: ${text}`;
}

/** `VirtualService default/reviews`, without namespace where the object has none. */
export function describe(object: KubeObject): string {
  const { namespace, name = "" } = object.metadata ?? {};
  return `${object.kind} ${namespace ? `${namespace}/` : ""}${name}`;
}
