/** Lists whose items merge by a key, by the field that holds them. Kubernetes: patchMergeKey of the pod's types. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: "name",
  initContainers: "name",
  volumes: "name",
  imagePullSecrets: "name",
  env: "name",
  ports: "containerPort",
  volumeMounts: "mountPath",
  hostAliases: "ip",
  topologySpreadConstraints: "topologyKey",
  sysctls: "name",
};

type Item = Record<string, unknown>;

/**
 * A strategic merge patch over a pod: maps merge, keyed lists merge item by item, anything else is replaced; null
 * removes. In a keyed list the patch's items come first, in the patch's order, unless the original order says otherwise.
 */
export function strategicMerge<T>(original: T, patch: unknown): T {
  return mergeInto(original, patch, "") as T;
}

function mergeInto(original: unknown, patch: unknown, field: string): unknown {
  // The ports of a Service have no containerPort.
  const key = field === "ports" && isPortList(original) ? "port" : mergeKeys[field];
  if (Array.isArray(original) && Array.isArray(patch) && key !== undefined)
    return mergeList(original as Item[], patch as Item[], key);
  if (!isMap(original) || !isMap(patch)) return patch;
  const merged: Item = { ...original };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (value !== undefined) merged[name] = name in merged ? mergeInto(merged[name], value, name) : value;
  }
  return merged;
}

function isPortList(list: unknown): boolean {
  return Array.isArray(list) && list.some((item) => isMap(item) && "port" in item);
}

function mergeList(original: readonly Item[], patch: readonly Item[], key: string): Item[] {
  const same = (one: Item) => (other: Item) => other[key] === one[key];
  const fromPatch = patch.map((item) => {
    const existing = original.find(same(item));
    return existing ? (mergeInto(existing, item, "") as Item) : item;
  });
  const rest = original.filter((item) => !patch.some(same(item)));
  const position = (item: Item): number => original.findIndex(same(item));
  const merged: Item[] = [];
  let left = 0;
  let right = 0;
  while (left < rest.length || right < fromPatch.length) {
    const own = rest[left];
    const patched = fromPatch[right];
    const ownFirst =
      own !== undefined && (patched === undefined || (position(patched) >= 0 && position(own) < position(patched)));
    if (ownFirst) {
      merged.push(own);
      left += 1;
    } else if (patched !== undefined) {
      merged.push(patched);
      right += 1;
    }
  }
  return merged;
}

function isMap(value: unknown): value is Item {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
