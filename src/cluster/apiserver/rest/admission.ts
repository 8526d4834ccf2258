import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from "kubernetes-types/admissionregistration/v1.d.ts";
import type { KubeObject } from "#kube/object.ts";
import { admit } from "../admission/admit.ts";
import type { ServedAs } from "../admission/request.ts";
import type { Core } from "../core.ts";
import { copyOf, type Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { inVersion } from "./encode.ts";
import type { Target } from "./read.ts";
import type { ApiRequest } from "./request.ts";
import type { WriteOptions } from "./write-options.ts";

export interface AdmissionCall {
  readonly core: Core;
  readonly request: ApiRequest;
  readonly target: Target;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly phase: "mutating" | "validating";
  readonly object: Obj | undefined;
  readonly old: Obj | undefined;
  readonly options: WriteOptions;
}

const group = "admissionregistration.k8s.io";
const none: readonly never[] = [];

/** Every name under which the kind is served, this request's first left out. Converted kinds have no others. */
function equivalentsOf({ kind, version }: Served): ServedAs[] {
  if (!kind.custom) return [];
  return kind.served
    .filter((other) => other !== version)
    .map((other) => ({
      kind: { group: other.group, version: other.version, kind: kind.kind },
      resource: { group: other.group, version: other.version, resource: kind.plural },
    }));
}

/** Asks the admission webhooks of one phase. Answers the very same object when none changed it; throws what one refuses. */
export async function callWebhooks<T extends Obj | undefined>(call: AdmissionCall & { object: T }): Promise<T> {
  const { core, target, object, old, phase, options } = call;
  const mutating = phase === "mutating" ? core.store.list(`mutatingwebhookconfigurations.${group}`) : none;
  const validating = phase === "validating" ? core.store.list(`validatingwebhookconfigurations.${group}`) : none;
  if (mutating.length === 0 && validating.length === 0) return object;

  const { served, namespace, subresource } = target;
  const { kind, version } = served;
  const isNamespace = kind.kind === "Namespace" && version.group === "";
  const shown = object && copyOf(inVersion(object, served));
  const { username, uid, groups, extra } = call.request.user;
  const name = object?.metadata.name ?? old?.metadata.name ?? target.name;
  const { object: result, warnings } = await admit({
    configs: {
      mutating: mutating as unknown as MutatingWebhookConfiguration[],
      validating: validating as unknown as ValidatingWebhookConfiguration[],
    },
    request: {
      operation: call.operation,
      kind: { group: version.group, version: version.version, kind: kind.kind },
      resource: { group: version.group, version: version.version, resource: kind.plural },
      name,
      object: shown as KubeObject | undefined,
      oldObject: (old && inVersion(old, served)) as KubeObject | undefined,
      user: { username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) },
      dryRun: options.dryRun,
      equivalents: equivalentsOf(served),
      ...(subresource ? { subresource } : {}),
      ...(isNamespace ? { namespace: name } : namespace ? { namespace } : {}),
    },
    namespaceObject: (isNamespace ? (object ?? old) : core.store.get("namespaces", "", namespace)) as
      | KubeObject
      | undefined,
    resolveService: core.resolveService,
  });
  options.warnings.push(...warnings);
  if (phase === "validating" || result === shown || result === undefined) return object;
  const changed = copyOf(result) as Obj;
  return (version.toStored ? version.toStored(changed) : changed) as T;
}
