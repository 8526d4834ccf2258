import { ApiError, forbidden, notFound } from "../api-error.ts";
import type { Core } from "../core.ts";
import { at, type Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { addPodDefaults } from "./pod-defaults.ts";
import { addServiceAccount } from "./service-account.ts";

/** Kubernetes' NamespaceLifecycle: nothing is created in a namespace that isn't there or is going away. */
export function checkNamespace({ store }: Core, served: Served, namespace: string, name: string): void {
  const found = store.get("namespaces", "", namespace);
  if (!found) throw notFound({ group: "", plural: "namespaces" }, namespace);
  if (found.metadata.deletionTimestamp === undefined && at(found, "status.phase") !== "Terminating") return;
  // Reviews and the like are not kept, so they don't keep the namespace either.
  if (!served.kind.verbs.includes("list")) return;
  const message = `namespace ${namespace} is being terminated`;
  throw forbidden(
    { group: served.version.group, plural: served.kind.plural },
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }],
  );
}

/** The admission that Kubernetes has built in, for what is being created. May run twice; changes the draft. */
export function admitCreate(core: Core, served: Served, draft: Obj): void {
  const { kind } = served;
  if (kind.kind === "Pod" && kind.stored.group === "") {
    addServiceAccount(core, draft);
    addPodDefaults(core, draft);
  }
  if (kind.custom) {
    const definition = core.store.get(
      "customresourcedefinitions.apiextensions.k8s.io",
      "",
      `${kind.plural}.${kind.stored.group}`,
    );
    if (definition?.metadata.deletionTimestamp !== undefined)
      throw new ApiError(
        405,
        "MethodNotAllowed",
        "create not allowed while custom resource definition is terminating",
        {},
      );
  }
}
