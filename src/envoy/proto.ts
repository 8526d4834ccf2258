import { hash } from "node:crypto";
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { parseDuration } from "#model/duration.ts";
import { createPool } from "#model/pool.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import type { Resource, ResourceOrigin } from "#xds/resource.ts";

/** A `google.protobuf.Duration` of so many milliseconds. */
export function duration(milliseconds: number): Duration {
  const seconds = Math.trunc(milliseconds / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((milliseconds - seconds * 1000) * 1e6),
  });
}

/** The same of a text that validation has let through; `undefined` for no text or a bad one. */
export function durationOf(text: string | undefined): Duration | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text);
  return milliseconds === undefined ? undefined : duration(milliseconds);
}

/** An extension's configuration, with its name where Envoy wants one. */
export function extension<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  config: MessageShape<Desc>,
): { name: string; typedConfig: Any } {
  return { name, typedConfig: anyPack(schema, config) };
}

const encoded = createPool<Resource>();

/** The encoded resource, and where it comes from. See {@link encodedResource}. */
export function encodeResource<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
  origin?: ResourceOrigin,
): Resource {
  return encodedResource(name, schema, [toBinary(schema, message)], origin);
}

/**
 * The resource of a message that is encoded, in pieces. Its version is a hash of the bytes, which depend on nothing but the
 * message's content. Equal content gives the same object: who had it before sees at once that nothing changed.
 */
export function encodedResource(
  name: string,
  { typeName }: Pick<DescMessage, "typeName">,
  pieces: readonly Uint8Array[],
  origin: ResourceOrigin = {},
): Resource {
  const value = new WireWriter().encoded(pieces);
  const any = new WireWriter().string(1, `type.googleapis.com/${typeName}`).message(2, value).finish();
  const version = hash("sha256", any, "base64url").slice(0, 22);
  const { patchedBy = [], madeFrom = [] } = origin;
  const key = [version, name, ...patchedBy, "", ...madeFrom].join(" ");
  return encoded.get(key, () => Object.freeze({ name, version, any, ...origin }));
}

/** Resources by name; of two with one name the first is kept, as Envoy refuses both. */
export function byName(resources: readonly Resource[]): readonly Resource[] {
  const unique = new Map<string, Resource>();
  for (const resource of resources) if (!unique.has(resource.name)) unique.set(resource.name, resource);
  return [...unique.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
