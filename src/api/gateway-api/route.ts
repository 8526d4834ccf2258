import type { GatewayApiObject, ObjectReference, ResourceCondition } from "./object.ts";

export interface ParentReference extends ObjectReference {
  readonly sectionName?: string;
  readonly port?: number;
}

export interface RouteParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions?: readonly ResourceCondition[];
}

export interface RouteStatus {
  readonly parents?: readonly RouteParentStatus[];
}

/** What all routes have in common. */
interface RouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
}

export type Route<Spec extends RouteSpec = RouteSpec> = GatewayApiObject<Spec, RouteStatus>;
export type KubernetesHTTPRoute = Route<RouteSpec & { readonly rules?: readonly HTTPRouteRule[] }>;
export type GRPCRoute = Route<RouteSpec & { readonly rules?: readonly GRPCRouteRule[] }>;
/** TCPRoute or TLSRoute. */
export type L4Route = Route<RouteSpec & { readonly rules?: readonly L4RouteRule[] }>;

export interface BackendReference extends ObjectReference {
  readonly port?: number;
  readonly weight?: number;
}

interface L4RouteRule {
  readonly name?: string;
  readonly backendRefs?: readonly BackendReference[];
}

export interface HTTPRouteRule {
  readonly name?: string;
  readonly matches?: readonly HTTPRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly FilteredBackend[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: { readonly codes?: readonly number[]; readonly attempts?: number; readonly backoff?: string };
}

export interface FilteredBackend extends BackendReference {
  readonly filters?: readonly RouteFilter[];
}

/** A name and a value to compare with; exact unless the type says otherwise. */
export interface NamedMatch {
  readonly type?: "Exact" | "RegularExpression";
  readonly name: string;
  readonly value?: string;
}

export interface HTTPRouteMatch {
  readonly path?: { readonly type?: "Exact" | "PathPrefix" | "RegularExpression"; readonly value?: string };
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
  readonly method?: string;
}

export interface GRPCRouteRule {
  readonly name?: string;
  readonly matches?: readonly GRPCRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly FilteredBackend[];
}

export interface GRPCRouteMatch {
  readonly method?: {
    readonly type?: "Exact" | "RegularExpression";
    readonly service?: string;
    readonly method?: string;
  };
  readonly headers?: readonly NamedMatch[];
}

interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

export interface HeaderFilter {
  readonly set?: readonly HeaderValue[];
  readonly add?: readonly HeaderValue[];
  readonly remove?: readonly string[];
}

export interface PathModifier {
  readonly type: "ReplaceFullPath" | "ReplacePrefixMatch";
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface RedirectFilter {
  readonly scheme?: string;
  readonly hostname?: string;
  readonly path?: PathModifier;
  readonly port?: number;
  readonly statusCode?: number;
}

export interface MirrorFilter {
  readonly backendRef: BackendReference;
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator?: number };
}

export interface CorsFilter {
  readonly allowOrigins?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly maxAge?: number;
}

/** One filter; the field that `type` names is set. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestRedirect?: RedirectFilter;
  readonly requestMirror?: MirrorFilter;
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: CorsFilter;
}
