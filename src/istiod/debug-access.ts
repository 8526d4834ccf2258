import type { TokenReviewer } from "#ca/token-review.ts";
import type { Log } from "#log/log.ts";

/** Who may see `/debug`. */
export interface DebugAccess {
  /** Undefined for who may; else what to answer. Never rejects. */
  refusal(request: DebugRequest): Promise<{ readonly status: 401 | 403 | 503; readonly error: string } | undefined>;
}

interface DebugRequest {
  /** The client's address. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** As it stands in the URL: `/debug/config_dump`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface DebugAccessOptions {
  readonly reviewer: TokenReviewer;
  /** Namespaces whose accounts see everything: istiod's own, and what DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES adds. */
  readonly namespaces: readonly string[];
  /** Istio: ENABLE_DEBUG_ENDPOINT_AUTH. */
  readonly isEnabled: boolean;
  readonly log: Log;
}

/** What others see of proxies in their own namespace. */
const ownPages: ReadonlySet<string> = new Set(["/debug/config_dump"]);

/**
 * From istiod's own machine (its pod: `kubectl exec` and `port-forward`, which istioctl uses) all is open. Anybody else needs a service
 * account's token, and sees everything from istiod's namespace, from another one only proxies there. Istio: allowAuthenticatedOrLocalhost,
 * AuthorizeDebugRequest.
 */
export function createDebugAccess({ reviewer, namespaces, isEnabled, log }: DebugAccessOptions): DebugAccess {
  return {
    async refusal({ address, authorization = "", path, query }) {
      if (!isEnabled || isLoopback(address)) return undefined;
      const [, token] = /^Bearer (\S+)$/i.exec(authorization) ?? [];
      if (token === undefined) return refuse(401, "send a service account's token: Authorization: Bearer …");
      let caller: Awaited<ReturnType<TokenReviewer["review"]>>;
      try {
        caller = await reviewer.review(token);
      } catch (error) {
        log.warn("can't review a token", { peer: address, error });
        return { status: 503, error: "istiod can't reach the API server to check the token; try again" };
      }
      if (typeof caller === "string") return refuse(401, caller);
      const { namespace } = caller;
      if (namespaces.includes(namespace)) return undefined;
      const isOwn = ownPages.has(path) && (query.get("proxyID") ?? "").endsWith(`.${namespace}`);
      return isOwn
        ? undefined
        : refuse(403, `accounts of namespace ${namespace} see only config_dump of its own proxies`);

      function refuse(status: 401 | 403, error: string) {
        log.warn("a request for debug information was refused", { peer: address, path, error });
        return { status, error } as const;
      }
    },
  };
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
