import type { Image, ImageCatalogue } from "../runtime/seams.ts";
import { type BuiltInImage, builtInImages } from "./built-in.ts";
import { parseImageName } from "./image-name.ts";
import type { AddedImage, ImageStore } from "./store.ts";

/** The user's images first, then those that Weft brings. */
export function createImageCatalogue(store: ImageStore): ImageCatalogue {
  function resolve(name: string, seen: readonly string[] = []): Image | undefined {
    const added = findAdded(store.all(), name);
    if (added && !seen.includes(name)) {
      const base = added.from === undefined ? undefined : resolve(added.from, [...seen, name]);
      return imageOf(added, base);
    }
    return findBuiltIn(name)?.image;
  }

  return {
    resolve: (name) => resolve(name),
    explainUnknown: (name) =>
      `image "${name}" isn't in Weft's catalogue ("weft image list" shows it), and images are not pulled from registries: ` +
      `register how it runs with "weft image add ${parseImageName(name).repository || "NAME"} --command 'PROGRAM ARGUMENT…'"`,
  };
}

/** A name that was added with a tag stands for this tag only, one without for all. */
function findAdded(images: Readonly<Record<string, AddedImage>>, name: string): AddedImage | undefined {
  const { repository, tag } = parseImageName(name);
  return images[name] ?? images[`${repository}:${tag}`] ?? images[repository];
}

function findBuiltIn(name: string): BuiltInImage | undefined {
  const { repository, base } = parseImageName(name);
  return (
    builtInImages.find(({ names }) => names.includes(repository)) ??
    builtInImages.find(({ names }) => names.includes(base))
  );
}

function imageOf(added: AddedImage, base: Image | undefined): Image {
  return {
    ...base,
    entrypoint: added.command,
    command: [],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...base?.env, ...added.env },
    workingDir: added.workingDir ?? base?.workingDir ?? "/",
    ...(base?.binds || added.mounts ? { binds: { ...base?.binds, ...added.mounts } } : {}),
  };
}
