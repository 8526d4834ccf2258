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
  readonly now?: () => number;
}

/** How long an answer is good, and how long to wait after a question that failed, ms. */
const goodFor = 60_000;
const retryAfter = 10_000;
const maxKept = 10_000;

interface Answer {
  allowed: boolean | undefined;
  until: number;
  asking: Promise<void> | undefined;
}

export function createSecretAccess({ client, log, onDecided, now = Date.now }: SecretAccessOptions): SecretAccess {
  const answers = new Map<string, Answer>();

  function answerFor(identity: WorkloadIdentity): Answer {
    const key = `${identity.namespace}/${identity.serviceAccount}`;
    const known = answers.get(key);
    if (known && (known.asking || known.until > now())) return known;
    for (const oldest of answers.keys()) {
      if (answers.size < maxKept) break;
      answers.delete(oldest);
    }
    const answer: Answer = known ?? { allowed: undefined, until: 0, asking: undefined };
    answers.set(key, answer);
    answer.asking = ask(identity, answer).finally(() => {
      answer.asking = undefined;
    });
    return answer;
  }

  async function ask({ namespace, serviceAccount }: WorkloadIdentity, answer: Answer): Promise<void> {
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
      answer.until = now() + goodFor;
    } catch (error) {
      answer.until = now() + retryAfter;
      log.warn("can't ask whether an account may read secrets", { namespace, serviceAccount, error });
    }
    if (answer.allowed !== before) onDecided({ namespace, serviceAccount });
  }

  return {
    isAllowed: (identity) => answerFor(identity).allowed,
    decide: async (identity) => await answerFor(identity).asking,
  };
}
