import type { Container, EnvVar, PodSpec, PodTemplateSpec, Probe, Volume } from "kubernetes-types/core/v1.d.ts";
import { type LabelSelector, matchesLabels, selectorOperators } from "#labels/label-selector.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { nameProblem, validateLabels } from "../validation-names.ts";
import { canonicalQuantities } from "./quantity.ts";

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Docker's rule: no tag, no digest means `latest`. */
function isLatest(image: string): boolean {
  if (image.includes("@")) return false;
  const tag = /:(?<tag>[^/:]+)$/.exec(image)?.groups?.["tag"];
  return tag === undefined || tag === "latest";
}

function defaultProbe(probe: Draft<Probe> | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) {
    probe.httpGet.path ||= "/";
    probe.httpGet.scheme ||= "HTTP";
  }
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultEnv(env: readonly EnvVar[] | undefined): void {
  for (const variable of env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ||= "v1";
    if (variable.valueFrom?.resourceFieldRef) variable.valueFrom.resourceFieldRef.divisor ??= "0";
  }
}

function defaultContainer(container: Draft<Container>, hostNetwork: boolean): void {
  container.imagePullPolicy ||= isLatest(container.image ?? "") ? "Always" : "IfNotPresent";
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  container.resources ??= {};
  canonicalQuantities(container.resources.limits);
  canonicalQuantities(container.resources.requests);
  for (const port of container.ports ?? []) {
    port.protocol ||= "TCP";
    if (hostNetwork) port.hostPort ||= port.containerPort;
  }
  defaultEnv(container.env);
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) defaultProbe(probe);
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop])
    if (handler?.httpGet) {
      handler.httpGet.path ||= "/";
      handler.httpGet.scheme ||= "HTTP";
    }
}

const octal0644 = 0o644;

function defaultVolume(volume: Draft<Volume>): void {
  const { name: _, ...sources } = volume;
  if (Object.values(sources).every((source) => source === undefined || source === null)) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= octal0644;
  if (volume.configMap) volume.configMap.defaultMode ??= octal0644;
  if (volume.hostPath) volume.hostPath.type ??= "";
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= octal0644;
    for (const item of volume.downwardAPI.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= "v1";
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= octal0644;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
      for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= "v1";
    }
  }
}

/** The defaults Kubernetes gives to a pod spec, wherever it stands (pkg/apis/core/v1/defaults.go). */
export function defaultPodSpec(spec: Draft<PodSpec>): void {
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  spec.schedulerName ||= "default-scheduler";
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  if (spec.hostNetwork === false) delete spec.hostNetwork;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])])
    defaultContainer(container, spec.hostNetwork === true);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

export function defaultTemplate(template: { spec?: PodSpec } | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

const pullPolicies = ["Always", "IfNotPresent", "Never"];
const protocols = ["TCP", "UDP", "SCTP"];

function validateContainer(container: Container, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!container.name) errors.push(fieldError.required(`${field}.name`));
  else {
    const problem = nameProblem(container.name, "label");
    if (problem) errors.push(fieldError.invalid(`${field}.name`, container.name, problem));
  }
  if (!container.image) errors.push(fieldError.required(`${field}.image`));
  else if (container.image.trim() !== container.image)
    errors.push(fieldError.invalid(`${field}.image`, container.image, "must not have leading or trailing whitespace"));
  if (container.imagePullPolicy && !pullPolicies.includes(container.imagePullPolicy))
    errors.push(fieldError.unsupported(`${field}.imagePullPolicy`, container.imagePullPolicy, pullPolicies));
  const portNames = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const at = `${field}.ports[${index}]`;
    if (!port.containerPort) errors.push(fieldError.required(`${at}.containerPort`));
    else if (!Number.isInteger(port.containerPort) || port.containerPort < 1 || port.containerPort > 65535)
      errors.push(
        fieldError.invalid(`${at}.containerPort`, port.containerPort, "must be between 1 and 65535, inclusive"),
      );
    if (port.protocol && !protocols.includes(port.protocol))
      errors.push(fieldError.unsupported(`${at}.protocol`, port.protocol, protocols));
    if (port.name) {
      if (port.name.length > 15)
        errors.push(fieldError.invalid(`${at}.name`, port.name, "must be no more than 15 characters"));
      if (portNames.has(port.name)) errors.push(fieldError.duplicate(`${at}.name`, port.name));
      portNames.add(port.name);
    }
  }
  for (const [index, variable] of (container.env ?? []).entries())
    if (!variable.name) errors.push(fieldError.required(`${field}.env[${index}].name`));
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${field}.volumeMounts[${index}]`;
    if (!mount.name) errors.push(fieldError.required(`${at}.name`));
    else if (!volumes.has(mount.name)) errors.push(fieldError.notFound(`${at}.name`, mount.name));
    if (!mount.mountPath) errors.push(fieldError.required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      errors.push(fieldError.invalid(`${at}.mountPath`, mount.mountPath, "must be unique"));
    paths.add(mount.mountPath);
  }
  return errors;
}

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** The mistakes people make in a pod spec, in Kubernetes' words. `claims` are volumes that a StatefulSet adds. */
export function validatePodSpec(
  spec: PodSpec | undefined,
  field: string,
  claims: readonly string[] = [],
): FieldError[] {
  if (!spec) return [fieldError.required(`${field}.containers`)];
  const errors: FieldError[] = [];
  const volumes = new Set<string>();
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const at = `${field}.volumes[${index}].name`;
    const problem = volume.name ? nameProblem(volume.name, "label") : undefined;
    if (!volume.name) errors.push(fieldError.required(at));
    else if (problem) errors.push(fieldError.invalid(at, volume.name, problem));
    else if (volumes.has(volume.name)) errors.push(fieldError.duplicate(at, volume.name));
    volumes.add(volume.name);
  }
  for (const claim of claims) volumes.add(claim);
  if (!spec.containers?.length) errors.push(fieldError.required(`${field}.containers`));
  const names = new Set<string>();
  const all = [
    ...(spec.containers ?? []).map((container, index) => [container, `${field}.containers[${index}]`] as const),
    ...(spec.initContainers ?? []).map((container, index) => [container, `${field}.initContainers[${index}]`] as const),
  ];
  for (const [container, at] of all) {
    errors.push(...validateContainer(container, at, volumes));
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name));
    names.add(container.name);
  }
  if (spec.restartPolicy && !restartPolicies.includes(spec.restartPolicy))
    errors.push(fieldError.unsupported(`${field}.restartPolicy`, spec.restartPolicy, restartPolicies));
  if (spec.dnsPolicy && !dnsPolicies.includes(spec.dnsPolicy))
    errors.push(fieldError.unsupported(`${field}.dnsPolicy`, spec.dnsPolicy, dnsPolicies));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    errors.push(
      fieldError.invalid(
        `${field}.terminationGracePeriodSeconds`,
        spec.terminationGracePeriodSeconds,
        "must be greater than or equal to 0",
      ),
    );
  errors.push(...validateLabels(spec.nodeSelector ?? {}, `${field}.nodeSelector`));
  return errors;
}

function validateOperators({ matchExpressions = [] }: LabelSelector = {}): FieldError[] {
  return matchExpressions.flatMap(({ operator }, index) => {
    if (selectorOperators.includes(operator)) return [];
    const field = `spec.selector.matchExpressions[${index}].operator`;
    return fieldError.invalid(field, operator, "not a valid selector operator");
  });
}

/** `spec.selector` and `spec.template` of what makes pods: both there, and the one selects the other. */
export function validateWorkload(
  spec: { selector?: LabelSelector; template?: PodTemplateSpec } | undefined,
  claims: readonly string[] = [],
): FieldError[] {
  const errors: FieldError[] = [];
  const selector = spec?.selector;
  const empty =
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
  if (!selector) errors.push(fieldError.required("spec.selector"));
  else if (empty)
    errors.push(fieldError.invalid("spec.selector", selector, "empty selector is invalid for deployment"));
  errors.push(...validateOperators(selector));
  const labels = spec?.template?.metadata?.labels ?? {};
  errors.push(...validateLabels(labels, "spec.template.metadata.labels"));
  if (selector && !empty && !matchesLabels(selector, labels))
    errors.push(
      fieldError.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  errors.push(...validatePodSpec(spec?.template?.spec, "spec.template.spec", claims));
  return errors;
}
