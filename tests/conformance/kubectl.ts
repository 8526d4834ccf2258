import { runProgram } from "../run-program.ts";

/** Runs kubectl on the cluster of the environment's kubeconfig; rejects with what it said when it fails. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram("kubectl", args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
