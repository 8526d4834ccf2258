/** The parts of an image reference such as `docker.io/istio/examples-bookinfo-reviews-v1:1.20.3@sha256:…`. */
export interface ImageName {
  /** Without registry, tag and digest: `istio/examples-bookinfo-reviews-v1`; `library/` is left out. */
  readonly repository: string;
  /** Last component of the repository. */
  readonly base: string;
  readonly tag: string;
}

/** Understands what Docker and containerd do (distribution/reference): a first part with a dot or a port is a registry. */
export function parseImageName(reference: string): ImageName {
  const withoutDigest = reference.split("@")[0] ?? "";
  const slash = withoutDigest.lastIndexOf("/");
  const colon = withoutDigest.indexOf(":", slash + 1);
  const path = colon < 0 ? withoutDigest : withoutDigest.slice(0, colon);
  const tag = colon < 0 ? "latest" : withoutDigest.slice(colon + 1);
  const parts = path.split("/");
  const [first = ""] = parts;
  if (parts.length > 1 && (first.includes(".") || first.includes(":") || first === "localhost")) parts.shift();
  if (parts.length === 2 && parts[0] === "library") parts.shift();
  return { repository: parts.join("/"), base: parts.at(-1) ?? "", tag };
}
