import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { Ingress, IngressClass, NetworkPolicy } from "kubernetes-types/networking/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { age, ageColumn, column, nameColumn, numberAt, selectorText, textAt } from "./columns.ts";
import { defineKind, type Kind } from "./kind.ts";

const networking = (kind: string, plural: string) => ({ group: "networking.k8s.io", kind, plural });

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];

function validateIngress({ spec }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec?.rules?.length && !spec?.defaultBackend)
    errors.push(fieldError.invalid("spec", spec ?? {}, "either `defaultBackend` or `rules` must be specified"));
  for (const [index, rule] of (spec?.rules ?? []).entries())
    for (const [at, path] of (rule.http?.paths ?? []).entries()) {
      const field = `spec.rules[${index}].http.paths[${at}]`;
      if (!path.pathType) errors.push(fieldError.required(`${field}.pathType`, "pathType must be specified"));
      else if (!pathTypes.includes(path.pathType))
        errors.push(fieldError.unsupported(`${field}.pathType`, path.pathType, pathTypes));
      if (path.pathType !== "ImplementationSpecific" && !path.path?.startsWith("/"))
        errors.push(fieldError.invalid(`${field}.path`, path.path ?? "", "must be an absolute path"));
    }
  return errors;
}

const ingresses = defineKind<Ingress>(networking("Ingress", "ingresses"), {
  shortNames: ["ing"],
  status: true,
  generation: true,
  validate: validateIngress,
  table: {
    columns: [nameColumn, column("Class"), column("Hosts"), column("Address"), column("Ports"), ageColumn],
    cells: (object) => {
      const hosts = (object.spec?.rules ?? []).map(({ host }) => host || "*");
      const addresses = (object.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
      return [
        object.metadata?.name ?? "",
        object.spec?.ingressClassName ?? "<none>",
        hosts.slice(0, 3).join(",") + (hosts.length > 3 ? ` + ${hosts.length - 3} more...` : "") || "*",
        addresses.join(","),
        object.spec?.tls?.length ? "80, 443" : "80",
        age(object),
      ];
    },
  },
});

const ingressClasses = defineKind<IngressClass>(networking("IngressClass", "ingressclasses"), {
  namespaced: false,
  generation: true,
  table: {
    columns: [nameColumn, column("Controller"), column("Parameters"), ageColumn],
    cells: (object) => {
      const parameters = object.spec?.parameters;
      const text = parameters
        ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ""}/${parameters.name}`
        : "<none>";
      return [object.metadata?.name ?? "", object.spec?.controller ?? "", text, age(object)];
    },
  },
});

const networkPolicies = defineKind<NetworkPolicy>(networking("NetworkPolicy", "networkpolicies"), {
  shortNames: ["netpol"],
  generation: true,
  defaults({ spec }) {
    if (!spec) return;
    spec.policyTypes ??= spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports) port.protocol ||= "TCP";
  },
  table: {
    columns: [nameColumn, column("Pod-Selector"), ageColumn],
    cells: (object) => [object.metadata?.name ?? "", selectorText(object.spec?.podSelector), age(object)],
  },
});

const addressTypes = ["FQDN", "IPv4", "IPv6"];

const endpointSlices = defineKind<EndpointSlice>(
  { group: "discovery.k8s.io", kind: "EndpointSlice", plural: "endpointslices" },
  {
    generation: true,
    defaults({ ports = [] }) {
      for (const port of ports) {
        port.name ??= "";
        port.protocol ||= "TCP";
      }
    },
    validate(slice) {
      if (!slice.addressType) return [fieldError.required("addressType")];
      return addressTypes.includes(slice.addressType)
        ? []
        : [fieldError.unsupported("addressType", slice.addressType, addressTypes)];
    },
    table: {
      columns: [nameColumn, column("AddressType"), column("Ports"), column("Endpoints"), ageColumn],
      cells(slice) {
        const more = (list: readonly string[]) =>
          list.length === 0
            ? "<unset>"
            : list.length > 3
              ? `${list.slice(0, 3).join(",")} + ${list.length - 3} more...`
              : list.join(",");
        return [
          slice.metadata?.name ?? "",
          slice.addressType,
          more((slice.ports ?? []).map(({ port }) => String(port ?? "*"))),
          more((slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
          age(slice),
        ];
      },
    },
  },
);

const budgets = defineKind<PodDisruptionBudget>(
  { group: "policy", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets" },
  {
    shortNames: ["pdb"],
    status: true,
    generation: true,
    validate: ({ spec }) =>
      spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined
        ? [fieldError.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
        : [],
    table: {
      columns: [
        nameColumn,
        column("Min Available"),
        column("Max Unavailable"),
        column("Allowed Disruptions", "integer"),
        ageColumn,
      ],
      cells: (object) => [
        object.metadata?.name ?? "",
        textAt(object, "spec.minAvailable", "N/A"),
        textAt(object, "spec.maxUnavailable", "N/A"),
        numberAt(object, "status.disruptionsAllowed"),
        age(object),
      ],
    },
  },
);

export const networkingKinds: readonly Kind[] = [ingresses, ingressClasses, networkPolicies, endpointSlices, budgets];
