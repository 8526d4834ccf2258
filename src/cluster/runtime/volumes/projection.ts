import type { ConfigMap, DownwardAPIVolumeFile, Pod, Secret, Volume } from "kubernetes-types/core/v1.d.ts";
import { type DownwardFacts, fieldValue, resourceValue } from "../downward.ts";
import { checkPath, type Entries, type Payload, type PayloadFile, selectEntries, VolumeError } from "./payload.ts";
import type { TokenSource } from "./token-source.ts";

/** Where a projection gets what it shows. */
export interface ProjectionSources {
  readonly pod: Pod;
  readonly facts: DownwardFacts;
  readonly tokens: TokenSource;
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
}

const defaultMode = 0o644;
const defaultTokenSeconds = 3600;

/** True for the volumes whose files come from the API and follow it. */
export function isProjection(volume: Volume): boolean {
  return Boolean(volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected);
}

/** The files of a configMap, secret, downwardAPI or projected volume. Throws {@link VolumeError} when something is missing. */
export async function projectVolume(volume: Volume, sources: ProjectionSources): Promise<Payload> {
  if (volume.configMap) return configMapFiles(volume.configMap, volume.configMap.defaultMode ?? defaultMode, sources);
  if (volume.secret) {
    const { secretName = "", ...rest } = volume.secret;
    return secretFiles({ ...rest, name: secretName }, volume.secret.defaultMode ?? defaultMode, sources);
  }
  if (volume.downwardAPI)
    return downwardFiles(volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? defaultMode, sources);
  const mode = volume.projected?.defaultMode ?? defaultMode;
  const files = new Map<string, PayloadFile>();
  for (const source of volume.projected?.sources ?? [])
    for (const [path, file] of await sourceFiles(source, mode, sources)) files.set(path, file);
  return files;
}

type ProjectedSource = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

async function sourceFiles(source: ProjectedSource, mode: number, sources: ProjectionSources): Promise<Payload> {
  if (source.configMap) return configMapFiles(source.configMap, mode, sources);
  if (source.secret) return secretFiles(source.secret, mode, sources);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items ?? [], mode, sources);
  if (source.serviceAccountToken) return tokenFile(source.serviceAccountToken, mode, sources);
  throw new VolumeError(`projected source ${Object.keys(source).join(", ")} isn't supported by weft`);
}

interface ObjectSelection {
  readonly name?: string;
  readonly items?: { key: string; path: string; mode?: number }[];
  readonly optional?: boolean;
}

async function configMapFiles(from: ObjectSelection, mode: number, sources: ProjectionSources): Promise<Payload> {
  const { name = "" } = from;
  const object = await sources.configMap(name);
  return selectEntries(`configmap "${name}"`, object && configMapEntries(object), selectionOf(from, mode));
}

async function secretFiles(from: ObjectSelection, mode: number, sources: ProjectionSources): Promise<Payload> {
  const { name = "" } = from;
  const object = await sources.secret(name);
  return selectEntries(`secret "${name}"`, object && secretEntries(object), selectionOf(from, mode));
}

function selectionOf(from: ObjectSelection, mode: number): Parameters<typeof selectEntries>[2] {
  return {
    defaultMode: mode,
    ...(from.items === undefined ? {} : { items: from.items }),
    ...(from.optional === undefined ? {} : { optional: from.optional }),
  };
}

/** All keys of a ConfigMap, `data` and `binaryData`. */
export function configMapEntries(object: ConfigMap): NonNullable<Entries> {
  const entries = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object.data ?? {})) entries.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(object.binaryData ?? {})) entries.set(key, Buffer.from(base64, "base64"));
  return entries;
}

export function secretEntries(object: Secret): NonNullable<Entries> {
  return new Map(Object.entries(object.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, "base64")]));
}

function downwardFiles(items: readonly DownwardAPIVolumeFile[], mode: number, sources: ProjectionSources): Payload {
  const files = new Map<string, PayloadFile>();
  for (const item of items) {
    const value = downwardValue(item, sources);
    files.set(checkPath(item.path), { data: Buffer.from(value), mode: item.mode ?? mode });
  }
  return files;
}

function downwardValue(item: DownwardAPIVolumeFile, { pod, facts }: ProjectionSources): string {
  if (item.fieldRef) {
    const value = fieldValue(pod, item.fieldRef.fieldPath, facts);
    if (value === undefined) throw new VolumeError(`downwardAPI: unknown fieldPath "${item.fieldRef.fieldPath}"`);
    return value;
  }
  const { containerName, resource = "", divisor } = item.resourceFieldRef ?? {};
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = all.find(({ name }) => name === containerName);
  if (container === undefined) throw new VolumeError(`downwardAPI: there is no container "${containerName ?? ""}"`);
  const value = resourceValue(container, { resource, ...(divisor ? { divisor } : {}) }, facts.capacity);
  if (value === undefined) throw new VolumeError(`downwardAPI: unknown resource "${resource}"`);
  return value;
}

async function tokenFile(
  from: { readonly path: string; readonly audience?: string; readonly expirationSeconds?: number },
  mode: number,
  { pod, tokens }: ProjectionSources,
): Promise<Payload> {
  const token = await tokens.token({
    serviceAccount: pod.spec?.serviceAccountName ?? "default",
    audience: from.audience,
    expirationSeconds: from.expirationSeconds ?? defaultTokenSeconds,
  });
  const owner = commonUser(pod);
  const isNarrow = owner !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  const file: PayloadFile = { data: Buffer.from(token.value), mode: isNarrow ? 0o600 : mode };
  return new Map([[checkPath(from.path), owner === undefined ? file : { ...file, uid: owner }]]);
}

/** The user that all containers run as, when all name the same: then the token is theirs alone (kubelet: `FsUserFrom`). */
function commonUser(pod: Pod): number | undefined {
  const ofPod = pod.spec?.securityContext?.runAsUser;
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? ofPod));
  return users.size === 1 ? [...users][0] : undefined;
}
