import { textAt } from "../merge.ts";
import type { InstallContext, Manifest } from "./manifest.ts";

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] };

const notLabelled = (key: string): Requirement => ({ key, operator: "DoesNotExist" });
const labelled = (key: string, ...values: string[]): Requirement => ({ key, operator: "In", values });
const notIn = (key: string, ...values: string[]): Requirement => ({ key, operator: "NotIn", values });

/** The injection and validation webhooks. istiod fills in `caBundle` and turns validation to Fail once it serves. */
export function renderWebhooks(context: InstallContext): Manifest[] {
  return [injector(context), validator(context)];
}

function service(context: InstallContext, path: string): object {
  return { service: { name: `istiod${context.revisionSuffix}`, namespace: context.namespace, path, port: 443 } };
}

function injector(context: InstallContext): Manifest {
  const { revision, revisionSuffix, namespace } = context;
  const webhook = (name: string, namespaceRules: Requirement[], objectRules: Requirement[]) => ({
    name: `${name}.sidecar-injector.istio.io`,
    clientConfig: service(context, "/inject"),
    sideEffects: "None",
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], scope: "*" }],
    failurePolicy: "Fail",
    reinvocationPolicy: textAt(context.values, "sidecarInjectorWebhook", "reinvocationPolicy") || "Never",
    admissionReviewVersions: ["v1"],
    timeoutSeconds: 10,
    namespaceSelector: { matchExpressions: namespaceRules },
    objectSelector: { matchExpressions: objectRules },
  });
  const notOptedOut = notIn("sidecar.istio.io/inject", "false");
  const webhooks = [
    webhook("rev.namespace", [labelled("istio.io/rev", revision), notLabelled("istio-injection")], [notOptedOut]),
    webhook(
      "rev.object",
      [notLabelled("istio.io/rev"), notLabelled("istio-injection")],
      [notOptedOut, labelled("istio.io/rev", revision)],
    ),
  ];
  if (revisionSuffix === "") {
    webhooks.push(
      webhook("namespace", [labelled("istio-injection", "enabled")], [notOptedOut]),
      webhook(
        "object",
        [notLabelled("istio-injection"), notLabelled("istio.io/rev")],
        [labelled("sidecar.istio.io/inject", "true"), notLabelled("istio.io/rev")],
      ),
    );
  }
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: {
      name: `istio-sidecar-injector${revisionSuffix}${namespace === "istio-system" ? "" : `-${namespace}`}`,
      labels: { ...context.labels, app: "sidecar-injector" },
    },
    webhooks,
  };
}

function validator(context: InstallContext): Manifest {
  const { revision, revisionSuffix, namespace } = context;
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: {
      name: `istio-validator${revisionSuffix}-${namespace}`,
      labels: { ...context.labels, app: "istiod", istio: "istiod" },
    },
    webhooks: [
      {
        name: "rev.validation.istio.io",
        clientConfig: service(context, "/validate"),
        rules: [
          {
            operations: ["CREATE", "UPDATE"],
            apiGroups: ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"],
            apiVersions: ["*"],
            resources: ["*"],
            scope: "*",
          },
        ],
        failurePolicy: "Ignore",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        timeoutSeconds: 10,
        // The default revision also checks what names no revision.
        objectSelector: revisionSuffix === "" ? {} : { matchExpressions: [labelled("istio.io/rev", revision)] },
      },
    ],
  };
}
