import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from "kubernetes-types/admissionregistration/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { KubeError } from "#kube/error.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import type { ResourceType } from "#kube/object.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

export interface WebhookKeeperOptions {
  readonly client: KubeClient;
  readonly revision: string;
  /** What istiod is known by now, PEM. */
  readonly rootPem: () => string;
  /** Where a probe object is (not) made. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Istio: an object with it is refused by any validating webhook of the mesh; nothing of it is ever stored. */
export const alwaysReject = "internal.istio.io/webhook-always-reject";
const probeInterval = 1_000;

/**
 * Keeps the webhook configurations of this revision (label `istio.io/rev`): `caBundle` is the root, and validation is turned
 * from `Ignore` to `Fail` once the API server is seen to reach the webhook (Istio: the validation controller). Call what it returns
 * when the root is another.
 */
export function keepWebhookConfigurations(options: WebhookKeeperOptions): () => void {
  const { client, revision, rootPem, signal, log } = options;
  const selection = { signal, log, labelSelector: `istio.io/rev=${revision}` };
  const mutating = startInformer<MutatingWebhookConfiguration>(
    client,
    resourceTypes.mutatingWebhookConfigurations,
    selection,
  );
  const validating = startInformer<ValidatingWebhookConfiguration>(
    client,
    resourceTypes.validatingWebhookConfigurations,
    selection,
  );
  let isReached = false;

  const askMutating = keep(mutating, resourceTypes.mutatingWebhookConfigurations, () => ({}));
  const askValidating = keep(validating, resourceTypes.validatingWebhookConfigurations, () =>
    isReached ? { failurePolicy: "Fail" } : {},
  );
  validating.onChange(() => {
    if (!isReached) probe();
  });

  function keep<T extends MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
    informer: Informer<T>,
    type: ResourceType,
    wanted: () => { readonly failurePolicy?: string },
  ): () => void {
    const reconciler = createReconciler({
      signal,
      log,
      reconcile: async (name) => {
        const current = informer.get(name);
        if (!current?.webhooks) return;
        const caBundle = Buffer.from(rootPem()).toString("base64");
        let changed = false;
        const webhooks = current.webhooks.map((webhook) => {
          const next = { ...webhook, ...wanted(), clientConfig: { ...webhook.clientConfig, caBundle } };
          changed ||= webhook.clientConfig.caBundle !== caBundle || next.failurePolicy !== webhook.failurePolicy;
          return next;
        });
        if (!changed) return;
        await client.update(type, { ...current, webhooks });
        log.info("set up webhook configuration", { kind: type.kind, name, failurePolicy: webhooks[0]?.failurePolicy });
      },
    });
    informer.onChange(({ key, after }) => {
      if (after) reconciler.ask(key);
    });
    return () => {
      for (const object of informer.values()) reconciler.ask(object.metadata?.name ?? "");
    };
  }

  let isProbing = false;
  function probe(): void {
    if (isProbing || signal.aborted) return;
    isProbing = true;
    const timer = setInterval(async () => {
      if (signal.aborted || validating.size === 0) return stop();
      if (!(await isProbeRefused(options))) return;
      isReached = true;
      log.info("validation is reached by the API server");
      askValidating();
      stop();
    }, probeInterval);
    timer.unref();
    const stop = (): void => {
      clearInterval(timer);
      isProbing = false;
    };
  }

  return () => {
    askMutating();
    askValidating();
  };
}

/** True when the API server refuses, with our webhook's words, a Gateway that asks to be refused. It's a dry run. */
async function isProbeRefused({ client, namespace, log }: WebhookKeeperOptions): Promise<boolean> {
  try {
    await client.request({
      method: "POST",
      path: `/apis/networking.istio.io/v1/namespaces/${namespace}/gateways`,
      query: { dryRun: "All" },
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: { name: "istiod-webhook-probe", namespace, annotations: { [alwaysReject]: "true" } },
        spec: {},
      }),
    });
    return false;
  } catch (error) {
    const refused = error instanceof KubeError && error.message.includes(alwaysReject);
    if (!refused) log.debug("validation isn't reached yet", { error });
    return refused;
  }
}
