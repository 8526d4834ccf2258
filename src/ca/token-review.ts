import { hash } from "node:crypto";
import type { TokenReview } from "kubernetes-types/authentication/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";

/** Who a workload is, as the API server says. */
export interface WorkloadIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface TokenReviewer {
  /** The identity behind a service account token, or in words why there is none. Rejects when the API server can't be asked. */
  review(token: string): Promise<WorkloadIdentity | string>;
}

/** A token that was found good is not asked about again for so long (ms), nor one that wasn't. */
const goodFor = 5 * 60_000;
const badFor = 10_000;
const maxKept = 10_000;
const maxTokenLength = 16 * 1024;
/** Names as Kubernetes has them, and nothing else: they go into certificates. */
const accountUser = /^system:serviceaccount:([a-z0-9][-a-z0-9]*):([a-z0-9][-.a-z0-9]*)$/;

/** Asks the API server about tokens that were issued for one of `audiences` (Istio: `istio-ca`), and remembers answers for a while. */
export function createTokenReviewer(
  client: KubeClient,
  options: { readonly audiences: readonly string[]; readonly now?: () => number },
): TokenReviewer {
  const { audiences, now = Date.now } = options;
  const kept = new Map<string, { readonly answer: Promise<WorkloadIdentity | string>; until: number }>();

  async function ask(token: string): Promise<WorkloadIdentity | string> {
    const review = await client.create<TokenReview>(resourceTypes.tokenReviews, {
      metadata: {},
      spec: { token, audiences: [...audiences] },
    });
    const { authenticated, error, user, audiences: checked } = review.status ?? {};
    if (authenticated !== true) return `the token isn't valid: ${error || "the API server gives no reason"}`;
    // An API server that doesn't know audiences gives none back: the token could be for anybody.
    if (!Array.isArray(checked) || !audiences.some((audience) => checked.includes(audience)))
      return `the token isn't for the audience ${audiences.join(" or ")}`;
    const [, namespace, serviceAccount] = accountUser.exec(user?.username ?? "") ?? [];
    if (!namespace || !serviceAccount) return `the token is ${user?.username}'s, not a service account's`;
    return { namespace, serviceAccount };
  }

  return {
    review(token) {
      if (token.length > maxTokenLength) return Promise.resolve("the token is too long");
      const key = hash("sha256", token);
      const known = kept.get(key);
      if (known && known.until > now()) return known.answer;
      for (const oldest of kept.keys()) {
        if (kept.size < maxKept) break;
        kept.delete(oldest);
      }
      kept.delete(key);
      const entry = { answer: ask(token), until: now() + goodFor };
      kept.set(key, entry);
      entry.answer.then(
        (answer) => {
          if (typeof answer === "string") entry.until = now() + badFor;
          else entry.until = Math.min(entry.until, expiryOf(token));
        },
        () => kept.delete(key),
      );
      return entry.answer;
    },
  };
}

/** The `exp` of a JWT in ms; what can't be read doesn't shorten anything, the API server has already checked it. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { exp?: number };
    return typeof claims.exp === "number" ? claims.exp * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
