import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { PodName } from "../layout.ts";

interface TokenWish {
  readonly serviceAccount: string;
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

interface Token {
  readonly value: string;
  /** When another one should be asked for (ms since the epoch). */
  readonly refreshAt: number;
}

/** Tokens of one pod's service account, each kept until four fifths of its life are over. */
export interface TokenSource {
  token(wish: TokenWish): Promise<Token>;
  /** The next time a token that was handed out should be renewed; undefined when none was. */
  nextRefresh(): number | undefined;
}

interface TokenRequest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: object;
  readonly status?: { readonly token: string; readonly expirationTimestamp: string };
}

/** Kubelet: `token_manager.go` renews after 80 % of the life and at least daily. */
const usedShare = 0.8;
const longestUse = 24 * 3600_000;

export function createTokenSource(client: KubeClient, pod: PodName): TokenSource {
  const held = new Map<string, Token>();

  async function request(wish: TokenWish): Promise<Token> {
    const type = resourceTypes.serviceAccounts;
    const now = Date.now();
    const answer = await client.request<TokenRequest>({
      method: "POST",
      path: `/api/v1/namespaces/${pod.namespace}/${type.plural}/${wish.serviceAccount}/token`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: wish.audience === undefined ? [] : [wish.audience],
          expirationSeconds: wish.expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod.name, uid: pod.uid },
        },
      } satisfies TokenRequest),
    });
    if (answer.status === undefined) throw new Error(`the API server gave no token for ${wish.serviceAccount}`);
    const life = Date.parse(answer.status.expirationTimestamp) - now;
    return { value: answer.status.token, refreshAt: now + Math.min(life * usedShare, longestUse) };
  }

  return {
    async token(wish) {
      const key = JSON.stringify([wish.serviceAccount, wish.audience, wish.expirationSeconds]);
      const kept = held.get(key);
      if (kept !== undefined && kept.refreshAt > Date.now()) return kept;
      const fresh = await request(wish);
      held.set(key, fresh);
      return fresh;
    },
    nextRefresh() {
      const times = [...held.values()].map((token) => token.refreshAt);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
