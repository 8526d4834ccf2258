import type { Image } from "../runtime/seams.ts";

/** An image that the catalogue brings. */
export interface BuiltInImage {
  /** Repositories that it stands for, without registry; a bare name also matches as the last component of a longer one. */
  readonly names: readonly string[];
  readonly what: string;
  readonly image: Image;
}

/** Bound into every container by the runtime. */
const node = "/usr/local/bin/node";
const samples = "/opt/weft/samples";
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function image(parts: Partial<Image>): Image {
  return { entrypoint: [], command: [], workingDir: "/", ...parts, env: { PATH: path, ...parts.env } };
}

function bookinfo(app: string, version: string, env: Readonly<Record<string, string>> = {}): BuiltInImage {
  return {
    names: [`examples-bookinfo-${app}-${version}`],
    what: `Bookinfo's ${app} ${version}`,
    image: image({
      entrypoint: [node, `${samples}/bookinfo/src/${app}/main.ts`],
      command: ["9080"],
      env: { SERVICE_VERSION: version, ...env },
    }),
  };
}

/** Environment of the original images of reviews (Istio: samples/bookinfo/src/reviews). */
const stars = (color: string) => ({ ENABLE_RATINGS: "true", STAR_COLOR: color });

export const builtInImages: readonly BuiltInImage[] = [
  bookinfo("productpage", "v1"),
  bookinfo("details", "v1"),
  bookinfo("details", "v2", { ENABLE_EXTERNAL_BOOK_SERVICE: "true" }),
  bookinfo("reviews", "v1", { ENABLE_RATINGS: "false" }),
  bookinfo("reviews", "v2", stars("black")),
  bookinfo("reviews", "v3", stars("red")),
  bookinfo("ratings", "v1"),
  {
    names: ["echo-basic"],
    what: "the echo server of the Gateway API's conformance tests",
    image: image({ entrypoint: [node, `${samples}/echo/src/main.ts`] }),
  },
  {
    names: ["echo-advanced"],
    what: "the same with several ports, for a mesh",
    image: image({
      entrypoint: [node, `${samples}/echo/src/main.ts`],
      command: ["--port=8080", "--grpc=7070", "--tcp=9090"],
    }),
  },
  {
    names: ["mccutchen/go-httpbin", "go-httpbin"],
    what: "httpbin, which answers as it is asked to",
    image: image({ entrypoint: [node, `${samples}/httpbin/src/main.ts`] }),
  },
  {
    names: ["ext-authz"],
    what: "Istio's sample that external authorization asks",
    image: image({ entrypoint: [node, `${samples}/extauthz/src/main.ts`] }),
  },
  {
    names: ["proxyv2"],
    what: "the mesh's sidecar and gateway",
    image: image({ entrypoint: ["/usr/local/bin/pilot-agent"] }),
  },
  {
    names: ["pilot"],
    what: "the mesh's control plane",
    image: image({ entrypoint: ["/usr/local/bin/pilot-discovery"] }),
  },
  {
    names: ["node"],
    what: "Node.js, the version that Weft runs on",
    // As the original's docker-entrypoint.sh: what isn't a command is for node.
    image: image({
      entrypoint: runIf("node", '[ "${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ]'),
      command: ["node"],
    }),
  },
  { names: ["python"], what: "this machine's Python 3", image: image({ command: ["python3"] }) },
  {
    names: ["curlimages/curl", "curl"],
    what: "this machine's curl",
    // As the original: arguments alone are curl's, and it is the user curl_user.
    image: image({
      entrypoint: runIf("curl", '[ "${1#-}" != "$1" ] || [ "${1#*://}" != "$1" ]'),
      command: ["curl"],
      uid: 100,
      gid: 101,
    }),
  },
  { names: ["governmentpaas/curl-ssl"], what: "this machine's curl and openssl", image: image({ command: ["sh"] }) },
  { names: ["busybox"], what: "this machine's own programs", image: image({ command: ["sh"] }) },
  { names: ["debian"], what: "this machine's own programs", image: image({ command: ["bash"] }) },
];

/** An entry point that runs `program` with the arguments when the test holds for the first of them, else the arguments. */
function runIf(program: string, test: string): readonly string[] {
  return ["/bin/sh", "-c", `if ${test}; then set -- ${program} "$@"; fi; exec "$@"`, "sh"];
}
