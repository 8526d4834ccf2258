/** A service outside of the mesh's own that policies name. Istio: MeshConfig.ExtensionProvider; of other kinds than these only the name is read. */
export interface ExtensionProvider {
  readonly name: string;
  readonly envoyExtAuthzHttp?: HttpAuthorizer;
  readonly envoyExtAuthzGrpc?: AuthorizerSettings;
}

/** What both kinds of authorizers have, and all of those that speak gRPC. Istio: EnvoyExternalAuthorizationGrpcProvider. */
export interface AuthorizerSettings {
  /** `[NAMESPACE/]HOST`. */
  readonly service?: string;
  readonly port?: number;
  /** Go duration; 10 min unless set. */
  readonly timeout?: string;
  /** Requests pass while the authorizer can't be asked. */
  readonly failOpen?: boolean;
  readonly clearRouteCache?: boolean;
  /** HTTP status while it can't be asked; 403 unless set. */
  readonly statusOnError?: string;
  readonly includeRequestBodyInCheck?: {
    readonly maxRequestBytes?: number;
    readonly allowPartialMessage?: boolean;
    readonly packAsBytes?: boolean;
  };
}

/** Istio: EnvoyExternalAuthorizationHttpProvider. Lists of headers take names, `prefix*` and `*suffix`. */
export interface HttpAuthorizer extends AuthorizerSettings {
  readonly pathPrefix?: string;
  readonly includeRequestHeadersInCheck?: readonly string[];
  /** The older name of it. */
  readonly includeHeadersInCheck?: readonly string[];
  readonly includeAdditionalHeadersInCheck?: Readonly<Record<string, string>>;
  readonly headersToUpstreamOnAllow?: readonly string[];
  readonly headersToDownstreamOnDeny?: readonly string[];
  readonly headersToDownstreamOnAllow?: readonly string[];
}
