/** What the pod runtime asks of the network part. */
export interface PodNetwork {
  /**
   * Gives the pod a network namespace with an address, `lo` up and a default route; calling it again for the same
   * uid gives the same answer. With `hostNetwork` the path is the daemon's own namespace and the address is the node's.
   */
  attach(pod: PodNetworkRequest): Promise<PodAttachment>;
  /** Removes namespace, link and routes. Resolves too when there is nothing left of the pod. */
  detach(uid: string): Promise<void>;
}

export interface PodNetworkRequest {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly hostNetwork: boolean;
}

export interface PodAttachment {
  /** A path that `setns` can open, for example `/run/netns/weft-…`. */
  readonly netns: string;
  readonly ip: string;
}

/** How the containers of an image run on the host's root filesystem. */
export interface Image {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `/` when the image has none of its own. */
  readonly workingDir: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Directories or files of the host that the image brings: path in the container → path on the host. Read-only. */
  readonly binds?: Readonly<Record<string, string>>;
}

/** Image names → how they run. */
export interface ImageCatalogue {
  /** Undefined when the name isn't known: the container waits with `ErrImagePull`. */
  resolve(name: string): Image | undefined;
  /** Why the name isn't known and what the user can do about it; becomes the message of `ErrImagePull`. */
  explainUnknown(name: string): string;
}
