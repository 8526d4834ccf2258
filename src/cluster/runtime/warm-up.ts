import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { clusterCgroup } from "./cgroup.ts";
import { type CompileCache, compileCachePath } from "./compile-cache.ts";
import { containerSpec } from "./container-spec.ts";
import type { RuntimeContext } from "./context.ts";
import { bind } from "./pod/binds.ts";
import { mountRootfs } from "./rootfs.ts";

/** As it is called in a container. */
const program = join(
  "/opt/weft/src/cluster/runtime",
  basename(new URL("./compile-modules.ts", import.meta.url).pathname),
);
/** Programs of the mesh and of the samples: what is in these folders of /opt/weft is compiled. */
const folders: readonly string[] = ["src/agent", "src/redirect", "src/istiod", "samples"];

/**
 * Fills the compile cache, beside everything else, if the code has changed since it was filled: in a container of its own, without a
 * network, with the least share of the processor, and with nobody's code but Weft's. A program that finds its code
 * there starts in a third of the time and, as it needn't load the part of Node that strips types, in two thirds of the memory.
 */
export function startWarmUp(context: RuntimeContext, cache: CompileCache): { stop(): Promise<void> } {
  const ending = new AbortController();
  const running = warmUp(context, cache, ending.signal).catch((error: unknown) => {
    if (!ending.signal.aborted)
      context.log.info("the compile cache wasn't filled; containers start more slowly", { error });
  });
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}

async function warmUp(context: RuntimeContext, cache: CompileCache, signal: AbortSignal): Promise<void> {
  if (await cache.isFresh()) return;
  const id = `warm-up-${context.clusterName}`;
  const bundle = join(context.layout.run, "warm-up");
  const container = { name: "warm-up", command: [] };
  await mkdir(bundle, { recursive: true });
  const rootfs = await mountRootfs({
    mask: context.mask,
    upperDirectory: join(context.layout.pods, "warm-up"),
    mountPoint: join(bundle, "rootfs"),
  });
  try {
    const spec = containerSpec({
      pod: { spec: { containers: [container] } },
      container,
      image: { entrypoint: [], command: [], env: {}, workingDir: "/" },
      identity: { uid: 0, gid: 0, additionalGids: [], home: "/" },
      env: ["PATH=/usr/local/bin:/usr/bin:/bin", `NODE_COMPILE_CACHE=${compileCachePath}`],
      args: ["node", "--disable-warning=ExperimentalWarning", program, ...folders],
      rootfs: rootfs.path,
      hostname: "warm-up",
      netns: undefined,
      cgroup: `${clusterCgroup(context.clusterName)}/warm-up`,
      binds: [
        ...context.codeBinds.filter(({ destination }) => destination !== compileCachePath),
        bind(cache.directory, compileCachePath, false),
      ],
      memoryCapacity: context.capacity.memory,
      limits: context.limits,
    });
    const output: string[] = [];
    const onOutput = (stream: NodeJS.ReadableStream): void =>
      void stream.on("data", (chunk: Buffer) => output.push(chunk.toString("utf8").slice(0, 2_000)));
    const running = await context.crun.run({ id, bundle, spec, stdin: false, onOutput });
    const stop = (): void => running.signal("SIGKILL");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const { exitCode } = await running.ended;
    signal.removeEventListener("abort", stop);
    if (exitCode !== 0) throw new Error(`compiling ended with ${exitCode}: ${output.join("").slice(0, 2_000)}`);
    await cache.markFresh();
    context.log.debug("compile cache filled", { directory: cache.directory });
  } finally {
    await rootfs.remove();
    await rm(bundle, { recursive: true, force: true });
  }
}
