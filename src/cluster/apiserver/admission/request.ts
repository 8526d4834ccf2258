import type { KubeObject } from "#kube/object.ts";
import type { GroupVersionKind } from "../schema/json-schema.ts";

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** One name under which an object is served. */
export interface ServedAs {
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
}

/** What admission is asked about (Kubernetes: `AdmissionRequest`). */
export interface AdmissionRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subresource?: string;
  /** Empty for a create with `generateName`. */
  readonly name: string;
  readonly namespace?: string;
  /** Absent on DELETE. */
  readonly object?: KubeObject | undefined;
  /** On UPDATE and DELETE. */
  readonly oldObject?: KubeObject | undefined;
  readonly user: {
    readonly username: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions … of the request. */
  readonly options?: object;
  /** Other versions of the same resource, for `matchPolicy: Equivalent`; they differ from this one in `apiVersion` only. */
  readonly equivalents?: readonly ServedAs[];
}

/** The body of the call. `asked` is how the webhook knows the resource. */
export function admissionReview(
  uid: string,
  version: "v1" | "v1beta1",
  request: AdmissionRequest,
  asked: ServedAs,
  object: KubeObject | undefined,
): object {
  const { subresource, namespace, name, operation, user, dryRun, options, oldObject } = request;
  return {
    kind: "AdmissionReview",
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      kind: asked.kind,
      resource: asked.resource,
      ...(subresource ? { subResource: subresource } : {}),
      requestKind: request.kind,
      requestResource: request.resource,
      ...(subresource ? { requestSubResource: subresource } : {}),
      ...(name ? { name } : {}),
      ...(namespace ? { namespace } : {}),
      operation,
      userInfo: user,
      object: inVersion(object, asked.kind),
      oldObject: inVersion(oldObject, asked.kind),
      dryRun,
      options: options ?? null,
    },
  };
}

/** The object under another version; null where there is none. */
export function inVersion(object: KubeObject | undefined, { group, version }: GroupVersionKind): KubeObject | null {
  if (!object) return null;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}
