import type { SubjectAccessReview } from "kubernetes-types/authorization/v1.d.ts";
import type { WorkloadIdentity } from "#ca/token-review.ts";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

/** Whether service accounts may read the Secrets of their own namespace. Istio: CredentialsController.Authorize. */
export interface SecretAccess {
  /** What is known now, undefined for nothing; an answer that is missing or old is asked for, and {@link SecretAccessOptions.onDecided} tells of it. */
  isAllowed(identity: WorkloadIdentity): boolean | undefined;
  /** Resolves when there is an answer. Never rejects. */
  decide(identity: WorkloadIdentity): Promise<void>;
}

export interface SecretAccessOptions {
  readonly client: KubeClient;
  readonly log: Log;
  /** The answer for this account isn't what it was. */
  readonly onDecided: (identity: WorkloadIdentity) => void;
  readonly signal: AbortSignal;
  /** How long an answer is good, ms. */
  readonly goodForMs?: number;
}

/** How long to wait after a question that failed, ms. */
const retryAfter = 10_000;
const maxKept = 10_000;
/** An account that may not is asked about again so often, as nothing else tells of a Role that it was given meanwhile. */
const maxChecks = 60;

interface Answer {
  allowed: boolean | undefined;
  until: number;
  asking: Promise<void> | undefined;
  /** How often it was a no in a row. */
  refusals: number;
}

export function createSecretAccess(options: SecretAccessOptions): SecretAccess {
  const { client, log, onDecided, signal, goodForMs = 60_000 } = options;
  const answers = new Map<string, Answer>();

  function answerFor(identity: WorkloadIdentity): Answer {
    const key = `${identity.namespace}/${identity.serviceAccount}`;
    const known = answers.get(key);
    if (known && (known.asking || known.until > performance.now())) return known;
    for (const oldest of answers.keys()) {
      if (answers.size < maxKept) break;
      answers.delete(oldest);
    }
    const answer: Answer = known ?? { allowed: undefined, until: 0, asking: undefined, refusals: 0 };
    answers.set(key, answer);
    answer.asking = ask(identity, answer).finally(() => {
      answer.asking = undefined;
    });
    return answer;
  }

  async function ask(identity: WorkloadIdentity, answer: Answer): Promise<void> {
    const { namespace, serviceAccount } = identity;
    const before = answer.allowed;
    try {
      const { status } = await client.create<SubjectAccessReview>(resourceTypes.subjectAccessReviews, {
        metadata: {},
        spec: {
          user: `system:serviceaccount:${namespace}:${serviceAccount}`,
          groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
          resourceAttributes: { namespace, verb: "list", resource: "secrets" },
        },
      });
      answer.allowed = status?.allowed ?? false;
      answer.until = performance.now() + goodForMs;
      answer.refusals = answer.allowed ? 0 : answer.refusals + 1;
      if (!answer.allowed && answer.refusals < maxChecks) askLater(identity);
    } catch (error) {
      answer.until = performance.now() + retryAfter;
      log.warn("can't ask whether an account may read secrets", { namespace, serviceAccount, error });
    }
    if (answer.allowed !== before) onDecided({ namespace, serviceAccount });
  }

  function askLater(identity: WorkloadIdentity): void {
    const timer = setTimeout(() => {
      if (!signal.aborted) answerFor(identity);
    }, goodForMs + 50);
    timer.unref();
  }

  return {
    isAllowed: (identity) => answerFor(identity).allowed,
    decide: async (identity) => await answerFor(identity).asking,
  };
}
