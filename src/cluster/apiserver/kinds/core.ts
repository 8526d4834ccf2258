import { isDeepStrictEqual } from "node:util";
import type {
  ConfigMap,
  Endpoints,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from "kubernetes-types/core/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { age, ageColumn, column, nameColumn, textAt } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

const core = (kind: string, plural: string) => ({ group: "", kind, plural });

const namespaces = defineKind<Namespace>(core("Namespace", "namespaces"), {
  namespaced: false,
  shortNames: ["ns"],
  status: true,
  nameRule: "label",
  subresources: [{ name: "finalize", kind: "Namespace", verbs: ["update"] }],
  selectable: ["status.phase"],
  selectableValue: ({ status }) => status?.phase ?? "",
  defaults(namespace) {
    const name = namespace.metadata?.name;
    if (name)
      namespace.metadata = {
        ...namespace.metadata,
        labels: { ...namespace.metadata?.labels, "kubernetes.io/metadata.name": name },
      };
  },
  prepareCreate(namespace) {
    namespace.spec = { finalizers: [...new Set([...(namespace.spec?.finalizers ?? []), "kubernetes"])] };
    namespace.status = { phase: "Active" };
  },
  markDeleting(namespace) {
    namespace.status = { ...namespace.status, phase: "Terminating" };
  },
  held: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
  // The finalizers change by `/finalize` only.
  prepareUpdate(namespace, old) {
    namespace.spec = { ...old.spec };
  },
  table: {
    columns: [nameColumn, column("Status"), ageColumn],
    cells: (object) => [object.metadata?.name ?? "", object.status?.phase ?? "", age(object)],
  },
});

const nodeConditions = (node: Node): string => {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const parts = [ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown"];
  if (node.spec?.unschedulable) parts.push("SchedulingDisabled");
  return parts.join(",");
};

const nodes = defineKind<Node>(core("Node", "nodes"), {
  namespaced: false,
  shortNames: ["no"],
  status: true,
  statusOnCreate: true,
  selectable: ["spec.unschedulable"],
  selectableValue: ({ spec }) => String(spec?.unschedulable ?? false),
  table: {
    columns: [
      nameColumn,
      column("Status"),
      column("Roles"),
      ageColumn,
      column("Version"),
      ...["Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"].map((name) =>
        column(name, "string", 1),
      ),
    ],
    cells(node) {
      const prefix = "node-role.kubernetes.io/";
      const roles = Object.keys(node.metadata?.labels ?? {})
        .filter((label) => label.startsWith(prefix))
        .map((label) => label.slice(prefix.length));
      const address = (type: string) => node.status?.addresses?.find((one) => one.type === type)?.address ?? "<none>";
      return [
        node.metadata?.name ?? "",
        nodeConditions(node),
        roles.sort().join(",") || "<none>",
        age(node),
        textAt(node, "status.nodeInfo.kubeletVersion", "<unknown>"),
        address("InternalIP"),
        address("ExternalIP"),
        textAt(node, "status.nodeInfo.osImage", "<unknown>"),
        textAt(node, "status.nodeInfo.kernelVersion", "<unknown>"),
        textAt(node, "status.nodeInfo.containerRuntimeVersion", "<unknown>"),
      ];
    },
  },
});

const keyPattern = /^[-._a-zA-Z0-9]+$/;
const keyAdvice =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const dataBytes = 1024 * 1024;

function dataErrors(maps: Record<string, Record<string, unknown> | undefined>): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  let size = 0;
  for (const [field, map] of Object.entries(maps))
    for (const [key, value] of Object.entries(map ?? {})) {
      if (!keyPattern.test(key) || key.length > 253)
        errors.push(fieldError.invalid(`${field}[${key}]`, key, keyAdvice));
      if (seen.has(key)) errors.push(fieldError.invalid(`${field}[${key}]`, key, "duplicate of key present in data"));
      seen.add(key);
      size += String(value).length;
    }
  if (size > dataBytes * 1.4)
    errors.push({
      reason: "FieldValueTooLong",
      field: "",
      message: `Too long: may not be more than ${dataBytes} bytes`,
    });
  return errors;
}

/** An immutable ConfigMap or Secret stays as it is. */
function immutableErrors<T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const errors: FieldError[] = [];
  if (!object.immutable) errors.push(fieldError.forbidden("immutable", "field is immutable when `immutable` is set"));
  for (const field of fields)
    if (!isDeepStrictEqual(object[field], old[field]))
      errors.push(fieldError.forbidden(field, "field is immutable when `immutable` is set"));
  return errors;
}

const configMaps = defineKind<ConfigMap>(core("ConfigMap", "configmaps"), {
  shortNames: ["cm"],
  validate: ({ data, binaryData }) => dataErrors({ data, binaryData }),
  validateUpdate: (object, old) => immutableErrors(object, old, ["data", "binaryData"]),
  table: {
    columns: [nameColumn, column("Data", "integer"), ageColumn],
    cells: (object) => [
      object.metadata?.name ?? "",
      Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length,
      age(object),
    ],
  },
});

const neededKeys: Record<string, readonly string[]> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/dockercfg": [".dockercfg"],
};

const secrets = defineKind<Secret>(core("Secret", "secrets"), {
  selectable: ["type"],
  selectableValue: ({ type }) => type ?? "",
  defaults(secret) {
    secret.type ||= "Opaque";
    if (secret.stringData) {
      secret.data ??= {};
      for (const [key, text] of Object.entries(secret.stringData))
        secret.data[key] = Buffer.from(text).toString("base64");
      delete secret.stringData;
    }
  },
  validate({ data, type }) {
    const errors = dataErrors({ data });
    for (const key of neededKeys[type ?? ""] ?? [])
      if (!(key in (data ?? {}))) errors.push(fieldError.required(`data[${key}]`));
    return errors;
  },
  validateUpdate: (object, old) => [
    ...immutableErrors(object, old, ["data"]),
    ...(object.type === old.type ? [] : [fieldError.invalid("type", object.type, "field is immutable")]),
  ],
  table: {
    columns: [nameColumn, column("Type"), column("Data", "integer"), ageColumn],
    cells: (object) => [
      object.metadata?.name ?? "",
      object.type ?? "",
      Object.keys(object.data ?? {}).length,
      age(object),
    ],
  },
});

const serviceAccounts = defineKind<ServiceAccount>(core("ServiceAccount", "serviceaccounts"), {
  shortNames: ["sa"],
  subresources: [
    { name: "token", kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: ["create"] },
  ],
  table: {
    columns: [nameColumn, column("Secrets", "integer"), ageColumn],
    cells: (object) => [object.metadata?.name ?? "", object.secrets?.length ?? 0, age(object)],
  },
});

function endpointsText({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
  );
  if (all.length === 0) return "<none>";
  return all.length > 3 ? `${all.slice(0, 3).join(",")} + ${all.length - 3} more...` : all.join(",");
}

const endpoints = defineKind<Endpoints>(core("Endpoints", "endpoints"), {
  shortNames: ["ep"],
  defaults({ subsets = [] }) {
    for (const { ports = [] } of subsets) for (const port of ports) port.protocol ||= "TCP";
  },
  table: {
    columns: [nameColumn, column("Endpoints"), ageColumn],
    cells: (object) => [object.metadata?.name ?? "", endpointsText(object), age(object)],
  },
});

const claims = defineKind<PersistentVolumeClaim>(core("PersistentVolumeClaim", "persistentvolumeclaims"), {
  shortNames: ["pvc"],
  status: true,
  defaults({ spec }) {
    if (spec) spec.volumeMode ||= "Filesystem";
  },
  prepareCreate(claim) {
    claim.status = { phase: "Pending" };
  },
  table: {
    columns: [
      nameColumn,
      ...["Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"].map((name) =>
        column(name),
      ),
      ageColumn,
      column("VolumeMode", "string", 1),
    ],
    cells: (object) => [
      object.metadata?.name ?? "",
      object.metadata?.deletionTimestamp ? "Terminating" : (object.status?.phase ?? ""),
      object.spec?.volumeName ?? "",
      object.status?.capacity?.["storage"] ?? "",
      shortModes(object.status?.accessModes),
      object.spec?.storageClassName ?? "",
      "<unset>",
      age(object),
      object.spec?.volumeMode ?? "",
    ],
  },
});

const modeNames: Record<string, string> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
function shortModes(modes: readonly string[] | undefined): string {
  return (modes ?? []).map((mode) => modeNames[mode] ?? mode).join(",");
}

const volumes = defineKind<PersistentVolume>(core("PersistentVolume", "persistentvolumes"), {
  namespaced: false,
  shortNames: ["pv"],
  status: true,
  defaults({ spec }) {
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ||= "Filesystem";
  },
  prepareCreate(volume) {
    volume.status = { phase: "Available" };
  },
  table: {
    columns: [
      nameColumn,
      ...["Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass"].map((name) => column(name)),
      ageColumn,
    ],
    cells: ({ metadata, spec, status }) => [
      metadata?.name ?? "",
      spec?.capacity?.["storage"] ?? "",
      shortModes(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      status?.phase ?? "",
      spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : "",
      spec?.storageClassName ?? "",
      age({ metadata: metadata ?? {} }),
    ],
  },
});

const limitRanges = defineKind<LimitRange>(core("LimitRange", "limitranges"), {
  shortNames: ["limits"],
  table: {
    columns: [nameColumn, { name: "Created At", type: "date" }],
    cells: (object) => [object.metadata?.name ?? "", textAt(object, "metadata.creationTimestamp")],
  },
});

const resourceQuotas = defineKind<ResourceQuota>(core("ResourceQuota", "resourcequotas"), {
  shortNames: ["quota"],
  status: true,
  table: {
    columns: [nameColumn, column("Request"), column("Limit"), ageColumn],
    cells(object) {
      const used = object.status?.used ?? {};
      const texts = Object.entries(object.status?.hard ?? {}).map(
        ([name, hard]) => [name, `${name}: ${used[name] ?? "0"}/${hard}`] as const,
      );
      const limits = texts.filter(([name]) => name.startsWith("limits."));
      const requests = texts.filter(([name]) => !name.startsWith("limits."));
      const join = (list: typeof texts) =>
        list
          .map(([, text]) => text)
          .sort()
          .join(", ");
      return [object.metadata?.name ?? "", join(requests), join(limits), age(object)];
    },
  },
});

export const coreKinds: readonly Kind[] = [
  namespaces,
  nodes,
  configMaps,
  secrets,
  serviceAccounts,
  endpoints,
  claims,
  volumes,
  limitRanges,
  resourceQuotas,
];
