import type { Service, ServicePort } from "kubernetes-types/core/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import type { Mutable } from "../object.ts";
import { hasAddress, pickAddress } from "./address-range.ts";
import { age, column, labelText, nameColumn } from "./columns.ts";
import { defineKind, type Kind, type StrategyContext } from "./kind.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const protocols = ["TCP", "UDP", "SCTP"];

const usesClusterIp = (type: string | undefined): boolean => type !== "ExternalName";
const usesNodePort = (type: string | undefined): boolean => type === "NodePort" || type === "LoadBalancer";

function defaultService({ spec }: Service): void {
  if (!spec) return;
  spec.type ||= "ClusterIP";
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "ClientIP") {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10800;
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") port.targetPort = port.port;
  }
  if (usesNodePort(spec.type)) spec.externalTrafficPolicy ||= "Cluster";
  if (usesClusterIp(spec.type)) spec.internalTrafficPolicy ||= "Cluster";
  if (spec.type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
  if (usesClusterIp(spec.type)) {
    // One IPv4 family is all that the cluster has.
    spec.ipFamilies ??= ["IPv4"];
    spec.ipFamilyPolicy ||= "SingleStack";
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
  }
}

const portKey = ({ port, protocol }: ServicePort): string => `${protocol ?? "TCP"}/${port}`;

/** What the server gave stays with the service when the writer leaves it out (Kubernetes: patchAllocatedValues). */
function keepAllocated(draft: Mutable<Service>, old: Service): void {
  const { spec } = draft;
  const before = old.spec;
  if (!spec || !before) return;
  if (usesClusterIp(spec.type) && usesClusterIp(before.type) && !spec.clusterIP && before.clusterIP) {
    spec.clusterIP = before.clusterIP;
    spec.clusterIPs = [...(before.clusterIPs ?? [before.clusterIP])];
  }
  if (!usesClusterIp(spec.type)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    delete spec.internalTrafficPolicy;
  }
  if (!usesNodePort(spec.type)) {
    delete spec.externalTrafficPolicy;
    for (const port of spec.ports ?? []) delete port.nodePort;
    delete spec.allocateLoadBalancerNodePorts;
    if (draft.status) draft.status = { ...draft.status, loadBalancer: {} };
  } else if (usesNodePort(before.type)) {
    const given = new Map((before.ports ?? []).map((port) => [portKey(port), port.nodePort]));
    for (const port of spec.ports ?? []) {
      const known = given.get(portKey(port));
      if (!port.nodePort && known) port.nodePort = known;
    }
  }
}

function validateService({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec) return [fieldError.required("spec")];
  if (spec.type && !types.includes(spec.type)) errors.push(fieldError.unsupported("spec.type", spec.type, types));
  const ports = spec.ports ?? [];
  if (ports.length === 0 && spec.type !== "ExternalName" && spec.clusterIP !== "None")
    errors.push(fieldError.required("spec.ports"));
  if (spec.type === "ExternalName" && !spec.externalName) errors.push(fieldError.required("spec.externalName"));
  const names = new Set<string>();
  const seen = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (!port.name) {
      if (ports.length > 1) errors.push(fieldError.required(`${at}.name`));
    } else if (names.has(port.name)) errors.push(fieldError.duplicate(`${at}.name`, port.name));
    else if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(port.name) || port.name.length > 63)
      errors.push(
        fieldError.invalid(
          `${at}.name`,
          port.name,
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
      );
    names.add(port.name ?? "");
    if (!Number.isInteger(port.port) || port.port < 1 || port.port > 65535)
      errors.push(fieldError.invalid(`${at}.port`, port.port, "must be between 1 and 65535, inclusive"));
    if (port.protocol && !protocols.includes(port.protocol))
      errors.push(fieldError.unsupported(`${at}.protocol`, port.protocol, protocols));
    const { targetPort } = port;
    if (typeof targetPort === "number" && (targetPort < 1 || targetPort > 65535))
      errors.push(fieldError.invalid(`${at}.targetPort`, targetPort, "must be between 1 and 65535, inclusive"));
    if (port.nodePort && !usesNodePort(spec.type))
      errors.push(fieldError.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    const key = portKey(port);
    if (seen.has(key)) errors.push(fieldError.duplicate(at, { protocol: port.protocol, port: port.port }));
    seen.add(key);
  }
  return errors;
}

function allocate(draft: Service, old: Service | undefined, context: StrategyContext): FieldError[] {
  const { spec } = draft;
  if (!spec) return [];
  const others = (context.list("services") as unknown as Service[]).filter(
    ({ metadata }) => metadata?.name !== draft.metadata?.name || metadata?.namespace !== draft.metadata?.namespace,
  );
  const errors: FieldError[] = [];
  if (usesClusterIp(spec.type) && spec.clusterIP !== "None") {
    const { serviceCidr } = context.network;
    const used = new Set(others.map((service) => service.spec?.clusterIP ?? ""));
    if (spec.clusterIP && spec.clusterIP !== old?.spec?.clusterIP) {
      if (!hasAddress(serviceCidr, spec.clusterIP))
        errors.push(
          fieldError.invalid(
            "spec.clusterIPs",
            [spec.clusterIP],
            `failed to allocate IP ${spec.clusterIP}: the provided IP is not in the valid range. The range of valid IPs is ${serviceCidr}`,
          ),
        );
      else if (used.has(spec.clusterIP))
        errors.push(
          fieldError.invalid(
            "spec.clusterIPs",
            [spec.clusterIP],
            `failed to allocate IP ${spec.clusterIP}: provided IP is already allocated`,
          ),
        );
    }
    if (!spec.clusterIP) {
      const picked = pickAddress(serviceCidr, used);
      if (!picked)
        errors.push(
          fieldError.invalid("spec.clusterIPs", [], `failed to allocate a serviceIP: ${serviceCidr} is full`),
        );
      else spec.clusterIP = picked;
    }
    if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  }
  if (usesNodePort(spec.type) && spec.allocateLoadBalancerNodePorts !== false) {
    const [first, last] = context.network.nodePortRange;
    const used = new Set(
      others.flatMap((service) =>
        (service.spec?.ports ?? []).map(({ nodePort, protocol }) => `${protocol}/${nodePort}`),
      ),
    );
    for (const [index, port] of (spec.ports ?? []).entries()) {
      const field = `spec.ports[${index}].nodePort`;
      if (port.nodePort) {
        if (port.nodePort < first || port.nodePort > last)
          errors.push(
            fieldError.invalid(
              field,
              port.nodePort,
              `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
            ),
          );
        else if (used.has(`${port.protocol}/${port.nodePort}`))
          errors.push(fieldError.invalid(field, port.nodePort, "provided port is already allocated"));
      } else {
        const size = last - first + 1;
        const start = Math.floor(Math.random() * size);
        for (let step = 0; step < size && !port.nodePort; step++) {
          const candidate = first + ((start + step) % size);
          if (!used.has(`${port.protocol}/${candidate}`)) port.nodePort = candidate;
        }
        if (!port.nodePort) errors.push(fieldError.invalid(field, 0, `no free port in ${first}-${last}`));
      }
      used.add(`${port.protocol}/${port.nodePort}`);
    }
  }
  return errors;
}

function externalAddress({ spec, status }: Service): string {
  const extra = spec?.externalIPs ?? [];
  if (spec?.type === "ExternalName") return spec.externalName ?? "";
  if (spec?.type === "LoadBalancer") {
    const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
    const all = [...given, ...extra];
    return all.length ? all.join(",") : "<pending>";
  }
  return extra.length ? extra.join(",") : "<none>";
}

const services = defineKind<Service>(
  { group: "", kind: "Service", plural: "services" },
  {
    shortNames: ["svc"],
    categories: ["all"],
    status: true,
    nameRule: "service",
    subresources: [
      { name: "proxy", kind: "ServiceProxyOptions", verbs: ["create", "delete", "get", "patch", "update"] },
    ],
    selectable: ["spec.clusterIP", "spec.type"],
    selectableValue: ({ spec }, field) => (field === "spec.type" ? spec?.type : spec?.clusterIP) ?? "",
    defaults: defaultService,
    prepareCreate(service) {
      service.status = { loadBalancer: {} };
    },
    prepareUpdate: keepAllocated,
    validate: validateService,
    validateUpdate({ spec }, { spec: old }) {
      if (usesClusterIp(spec?.type) && usesClusterIp(old?.type) && old?.clusterIP && spec?.clusterIP !== old.clusterIP)
        return [fieldError.invalid("spec.clusterIPs[0]", [spec?.clusterIP], "may not change once set")];
      return [];
    },
    allocate,
    table: {
      columns: [
        nameColumn,
        column("Type"),
        column("Cluster-IP"),
        column("External-IP"),
        column("Port(s)"),
        column("Age"),
        column("Selector", "string", 1),
      ],
      cells: (service) => [
        service.metadata?.name ?? "",
        service.spec?.type ?? "",
        service.spec?.clusterIP || "<none>",
        externalAddress(service),
        (service.spec?.ports ?? [])
          .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ""}/${protocol}`)
          .join(",") || "<none>",
        age(service),
        labelText(service.spec?.selector),
      ],
    },
  },
);

export const serviceKinds: readonly Kind[] = [services];
