import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import { parseQuantity } from "./quantity.ts";

/** What a pod may be told about itself besides its own object. */
export interface DownwardFacts {
  readonly podIp: string;
  readonly hostIp: string;
  /** The machine's: the value of a limit that isn't set. */
  readonly capacity: { readonly cpu: number; readonly memory: number; readonly storage: number };
}

/** The value of a `fieldRef` (env or volume); undefined when the path isn't one that Kubernetes knows. */
export function fieldValue(pod: Pod, path: string, facts: DownwardFacts): string | undefined {
  const { metadata = {}, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace;
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "default";
    case "status.podIP":
    case "status.podIPs":
      return facts.podIp;
    case "status.hostIP":
    case "status.hostIPs":
      return facts.hostIp;
    default:
      return undefined;
  }
}

/** One `key="value"` a line, sorted (kubelet: `fieldpath.FormatMap`). */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${quote(map[key] ?? "")}`)
    .join("\n");
}

/** Go's `strconv.Quote` for what occurs in labels and annotations. */
function quote(text: string): string {
  return JSON.stringify(text);
}

/** The value of a `resourceFieldRef`, rounded up to a whole number of divisors; undefined when the resource isn't known. */
export function resourceValue(
  container: Container,
  reference: { readonly resource: string; readonly divisor?: string },
  capacity: DownwardFacts["capacity"],
): string | undefined {
  const [kind, name = ""] = reference.resource.split(/\.(.*)/s);
  const whole: Readonly<Record<string, number>> = {
    cpu: capacity.cpu,
    memory: capacity.memory,
    "ephemeral-storage": capacity.storage,
  };
  if ((kind !== "limits" && kind !== "requests") || (whole[name] === undefined && !name.startsWith("hugepages-")))
    return undefined;
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limit = parseQuantity(limits[name]);
  const value = kind === "limits" ? (limit ?? whole[name] ?? 0) : (parseQuantity(requests[name]) ?? limit ?? 0);
  const divisor = parseQuantity(reference.divisor) || 1;
  // 0.1 / 0.001 is a little over 100 in binary.
  return String(Math.ceil(Number((value / divisor).toPrecision(12))));
}
