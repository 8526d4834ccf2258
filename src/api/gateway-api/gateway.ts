import type { GatewayApiObject, LabelSelector, ObjectReference, ResourceCondition } from "./object.ts";

export type GatewayClass = GatewayApiObject<
  { readonly controllerName: string; readonly description?: string },
  { readonly conditions?: readonly ResourceCondition[] }
>;

export type KubernetesGateway = GatewayApiObject<KubernetesGatewaySpec, KubernetesGatewayStatus>;

export interface KubernetesGatewaySpec {
  readonly gatewayClassName: string;
  readonly listeners?: readonly Listener[];
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
  readonly infrastructure?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly parametersRef?: ObjectReference;
  };
  readonly allowedListeners?: { readonly namespaces?: NamespaceChoice };
  readonly tls?: {
    readonly frontend?: {
      readonly default?: FrontendTLS;
      readonly perPort?: readonly { readonly port: number; readonly tls?: FrontendTLS }[];
    };
    readonly backend?: { readonly clientCertificateRef?: ObjectReference };
  };
}

interface FrontendTLS {
  readonly validation?: FrontendValidation;
}

/** How clients' certificates are checked. */
export interface FrontendValidation {
  readonly mode?: "AllowValidOnly" | "AllowInsecureFallback";
  readonly caCertificateRefs?: readonly ObjectReference[];
}

/** Which namespaces something is open to. */
export interface NamespaceChoice {
  readonly from?: "All" | "Same" | "Selector" | "None";
  readonly selector?: LabelSelector;
}

export interface Listener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: ListenerTLS;
  readonly allowedRoutes?: { readonly namespaces?: NamespaceChoice; readonly kinds?: readonly RouteKind[] };
}

export interface ListenerTLS {
  readonly mode?: "Terminate" | "Passthrough";
  readonly certificateRefs?: readonly ObjectReference[];
  readonly options?: Readonly<Record<string, string>>;
}

export interface RouteKind {
  readonly group?: string;
  readonly kind: string;
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly RouteKind[];
  readonly attachedRoutes: number;
  readonly conditions: readonly ResourceCondition[];
}

interface GatewayAddress {
  readonly type: string;
  readonly value: string;
}

export interface KubernetesGatewayStatus {
  readonly addresses?: readonly GatewayAddress[];
  readonly conditions?: readonly ResourceCondition[];
  readonly listeners?: readonly ListenerStatus[];
  readonly attachedListenerSets?: number;
}

export type ListenerSet = GatewayApiObject<
  {
    readonly parentRef: ObjectReference;
    readonly listeners?: readonly (Omit<Listener, "port"> & { readonly port?: number })[];
  },
  ListenerSetStatus
>;

export interface ListenerSetStatus {
  readonly conditions?: readonly ResourceCondition[];
  readonly listeners?: readonly ListenerStatus[];
}
