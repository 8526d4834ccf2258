import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import { podCgroup } from "../cgroup.ts";
import { ContainerConfigError, containerEnvironment } from "../container-env.ts";
import { containerSpec } from "../container-spec.ts";
import type { RuntimeContext } from "../context.ts";
import type { ProcessEnd, RunningContainer } from "../crun.ts";
import { argumentsOf } from "../env.ts";
import { hostnameOf } from "../etc-files.ts";
import type { ExecTarget } from "../exec.ts";
import { identityOf, identityProblem } from "../identity.ts";
import { podNameOf } from "../layout.ts";
import { type LogWriter, openLogWriter } from "../logs/log-writer.ts";
import { createOutputTap, type OutputTap } from "../output-tap.ts";
import { mountRootfs, type Rootfs } from "../rootfs.ts";
import type { Image } from "../seams.ts";
import { bind, etcBinds, imageBinds, volumeBinds } from "./binds.ts";
import type { Sandbox } from "./sandbox.ts";
import { terminationMessage } from "./termination-message.ts";

/** One run of one container, from its start to its end. */
export interface ContainerRunHandle {
  /** `weft://…`, as in the status. */
  readonly id: string;
  readonly exec: ExecTarget;
  readonly log: LogWriter;
  readonly process: RunningContainer;
  /** What it writes, for `attach`: the log has it too. */
  readonly output: Readonly<Partial<Record<"stdout" | "stderr", OutputTap>>>;
  /** Resolves when the process is gone, its log is complete and its files are removed. */
  readonly finished: Promise<ContainerResult>;
}

export interface ContainerResult extends ProcessEnd {
  /** What the container left in its termination message file. */
  readonly terminationMessage: string;
}

/** Starts a container of a pod whose sandbox stands. Rejects when it can't be made, or doesn't start. */
export async function startContainer(
  context: RuntimeContext,
  sandbox: Sandbox,
  pod: Pod,
  container: Container,
  image: Image,
  run: number,
): Promise<ContainerRunHandle> {
  const uid = pod.metadata?.uid ?? "";
  const { layout } = context;
  const hostname = hostnameOf(pod, context.nodeName);
  const identity = identityOf(pod, container, image, context.users);
  const problem = identityProblem(pod, container, identity);
  if (problem !== undefined) throw new ContainerConfigError(problem);
  const env = await containerEnvironment({
    client: context.client,
    pod,
    container,
    image,
    facts: sandbox.facts,
    hostname,
    home: identity.home,
    base: context.baseEnv,
    apiServiceHost: context.apiServiceHost,
  });
  const args = argumentsOf(container, image, env);
  if (args.length === 0)
    throw new ContainerConfigError(
      `container ${container.name}: image ${container.image ?? ""} has no command; set command`,
    );

  await context.compileCache?.offerTo(identity.uid);

  const id = `${uid}-${container.name}-${run}`;
  const directory = join(layout.podRun(uid), "containers", container.name, String(run));
  const messageFile = join(directory, "termination-log");
  await mkdir(directory, { recursive: true });
  await writeFile(messageFile, "");
  // Whoever the container runs as.
  await chmod(messageFile, 0o666);
  const binds = [
    ...imageBinds(image),
    ...context.codeBinds,
    ...etcBinds(sandbox.etc, container),
    bind(sandbox.sharedMemory, "/dev/shm", false),
    bind(messageFile, container.terminationMessagePath ?? "/dev/termination-log", false),
    ...(await volumeBinds(container.volumeMounts ?? [], sandbox.volumes, sandbox.readOnlyVolumes, env)),
  ];

  const logs = layout.containerLogs(podNameOf(pod), container.name);
  const log = await openLogWriter(join(logs, `${run}.log`));
  await removeOldLogs(logs, run);
  let rootfs: Rootfs | undefined;
  try {
    const output: { stdout?: OutputTap; stderr?: OutputTap } = {};
    rootfs = await mountRootfs({
      mask: context.mask,
      upperDirectory: join(layout.pod(uid), "containers", container.name),
      mountPoint: join(directory, "rootfs"),
    });
    const spec = containerSpec({
      pod,
      container,
      image,
      identity,
      env: [...env].map(([name, value]) => `${name}=${value}`),
      args,
      rootfs: rootfs.path,
      hostname,
      netns: sandbox.netns,
      cgroup: `${podCgroup(context.clusterName, uid)}/${container.name}-${run}`,
      binds,
      memoryCapacity: context.capacity.memory,
      limits: context.limits,
    });
    const process = await context.crun.run({
      id,
      bundle: directory,
      spec,
      stdin: container.stdin === true,
      onOutput(stream, name) {
        output[name] = createOutputTap(stream);
        log.collect(stream, name);
      },
    });
    const finish = async (): Promise<ContainerResult> => {
      const end = await process.ended;
      try {
        await log.close();
        const message = await terminationMessage(container, end.exitCode, messageFile, log.path);
        await rootfs?.remove();
        await rm(directory, { recursive: true, force: true });
        return { ...end, terminationMessage: message };
      } catch (error) {
        // The container has ended all the same; what couldn't be removed goes with the pod.
        context.log.warn("a container's files weren't removed", { container: id, error });
        return { ...end, terminationMessage: "" };
      }
    };
    return {
      id: `weft://${id}`,
      exec: { id, bundle: directory, process: spec.process },
      log,
      process,
      output,
      finished: finish(),
    };
  } catch (error) {
    await log.close();
    await rootfs?.remove();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Of a container's runs the last two keep their logs: the present one and the one that `--previous` asks for. */
async function removeOldLogs(directory: string, run: number): Promise<void> {
  const old = join(directory, `${run - 2}.log`);
  await Promise.all([rm(old, { force: true }), rm(`${old}.1`, { force: true })]);
}
