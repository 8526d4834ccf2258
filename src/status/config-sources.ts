/** A mesh resource that a piece of Envoy configuration was made from. */
export interface ConfigSource {
  /** For example `VirtualService`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Tells resources apart. */
export function sourceKey({ kind, namespace, name }: ConfigSource): string {
  return `${kind}/${namespace}/${name}`;
}

const kinds = new Map([
  ["virtual-service", "VirtualService"],
  ["destination-rule", "DestinationRule"],
  ["gateway", "Gateway"],
  ["envoy-filter", "EnvoyFilter"],
  ["authorization-policy", "AuthorizationPolicy"],
  ["request-authentication", "RequestAuthentication"],
]);

const prefix = Buffer.from("/apis/networking.istio.io/");
const wholePath =
  /^\/apis\/(?:networking|security)\.istio\.io\/v\w+\/namespaces\/([a-z0-9-]+)\/([a-z-]+)\/([a-z0-9.~-]+)$/;

/** The resource that such a path names, if it is of a kind that says something to proxies. */
export function sourceAt(path: string): ConfigSource | undefined {
  const [, namespace, slug = "", name] = wholePath.exec(path) ?? [];
  const kind = kinds.get(slug);
  return kind && namespace && name ? { kind, namespace, name } : undefined;
}

/**
 * The resources that an encoded Envoy resource names in its metadata (`filter_metadata.istio.config`, as Istio writes it). The bytes are not
 * decoded: a path is a protobuf string, so its length stands before it.
 */
export function configSources(encoded: Uint8Array): readonly ConfigSource[] {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const found = new Map<string, ConfigSource>();
  for (let at = bytes.indexOf(prefix); at !== -1; at = bytes.indexOf(prefix, at + 1)) {
    const last = bytes[at - 1] ?? 0;
    const lengths = [last, ((bytes[at - 2] ?? 0) & 0x7f) + last * 128];
    for (const length of lengths) {
      const path = bytes.toString("latin1", at, at + length);
      const source = sourceAt(path);
      if (source) {
        found.set(path, source);
        break;
      }
    }
  }
  return [...found.values()];
}

/** The resources in such a list of names as {@link parentNamesAnnotation} has. */
export function parentSources(names: string): readonly ConfigSource[] {
  return names.split(",").flatMap((text) => {
    const [, kind, name, namespace] = /^(\w+)\/(.+)\.([a-z0-9-]+)$/.exec(text) ?? [];
    // A listener stands behind its owner's name.
    return kind && name && namespace ? [{ kind, namespace, name: name.split("/")[0] ?? name }] : [];
  });
}
