import { Command, Option } from "commander";
import { defaultCluster } from "./cluster-paths.ts";
import { CommandError } from "./commands/command-error.ts";
import type { AddOptions } from "./commands/image.ts";
import { createProgress } from "./commands/progress.ts";

// A command's code is loaded when the command runs: `weft pid` is called in scripts and should be quick.
const progress = createProgress(process.stderr);
const collect = (value: string, list: readonly string[]) => [...list, value];
const nameOption = () => new Option("--name <name>", "the cluster's name").env("WEFT_CLUSTER").default(defaultCluster);

const weft = new Command("weft")
  .description("A Kubernetes for one Linux machine, without Docker and without a virtual machine.")
  .showHelpAfterError('("weft --help" shows how)');

weft
  .command("up")
  .description("start a cluster and make it kubectl's current context; after a crash, clean up and start it again")
  .addOption(nameOption())
  .option("--wait", "wait until the node is ready and DNS answers (always so; for scripts written for other tools)")
  .option("--timeout <seconds>", "how long it may take", "60")
  .action(async ({ name, timeout }: { name: string; timeout: string }) => {
    const seconds = Number(timeout);
    if (!(seconds > 0)) throw new CommandError(`--timeout ${timeout}: want seconds`, 2);
    const { up } = await import("./commands/up.ts");
    await up({ name, timeout: seconds * 1000 }, progress);
  });

weft
  .command("down")
  .description("stop a cluster and remove everything of it: pods, data, network, the kubectl context")
  .addOption(nameOption())
  .option("--all", "every cluster of this machine", false)
  .option("--keep-data", "keep its objects, so that the next up brings them back", false)
  .action(async (options: { name: string; all: boolean; keepData: boolean }) => {
    const { down } = await import("./commands/down.ts");
    await down(options, progress);
  });

weft
  .command("status")
  .description("show the clusters of this machine; exit code 3 when none is ready")
  .option("--json", "as JSON, with the steps of the start", false)
  .action(async ({ json }: { json: boolean }) => {
    const { clusterSummaries, renderStatus } = await import("./commands/status.ts");
    const clusters = await clusterSummaries();
    process.stdout.write(json ? `${JSON.stringify(clusters, null, 2)}\n` : renderStatus(clusters));
    if (!clusters.some(({ state }) => state === "ready")) process.exitCode = 3;
  });

weft
  .command("pid")
  .description("print the id of a process in a pod, for nsenter: nsenter -t $(weft pid POD) -n ip addr")
  .argument("<pod>")
  .option("-n, --namespace <namespace>", "the pod's namespace", "default")
  .addOption(nameOption())
  .action(async (pod: string, { namespace, name }: { namespace: string; name: string }) => {
    const { podPid } = await import("./commands/pid.ts");
    process.stdout.write(`${await podPid(name, namespace, pod)}\n`);
  });

const image = weft.command("image").description("the images that pods can use, for all clusters of this machine");
image
  .command("list")
  .description("show them")
  .action(async () => {
    const { listImages } = await import("./commands/image.ts");
    process.stdout.write(listImages());
  });
image
  .command("add")
  .description("say how an image runs; pods that wait for it start at their next attempt")
  .argument("<name>", "as in a pod's `image`; with a tag it stands for that tag only")
  .requiredOption("--command <command>", "the program and its arguments, as one word: --command 'node /srv/app.mjs'")
  .option("--env <NAME=VALUE>", "an environment variable; may be repeated", collect, [])
  .option("--workdir <path>", "the working directory")
  .option("--from <image>", "another image whose environment, user and files it starts from")
  .option(
    "--mount <FOLDER:PATH>",
    "a folder of this machine and where it is in the container, read-only; may be repeated",
    collect,
    [],
  )
  .action(async (name: string, options: AddOptions) => {
    const { addImage } = await import("./commands/image.ts");
    addImage(name, options);
  });
image
  .command("remove")
  .description("forget an image that was added")
  .argument("<name>")
  .action(async (name: string) => {
    const { removeImage } = await import("./commands/image.ts");
    removeImage(name);
  });

try {
  await weft.parseAsync();
} catch (error) {
  const isExpected = error instanceof CommandError;
  const wantsStack = process.env["WEFT_LOG"] === "debug" && error instanceof Error;
  const text = wantsStack ? error.stack : error instanceof Error ? error.message : String(error);
  process.stderr.write(`weft: ${text}\n`);
  process.exitCode = isExpected ? error.exitCode : 1;
}
