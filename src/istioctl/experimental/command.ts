import type { Command } from "commander";
import { addAuthzCommand } from "./authz/command.ts";
import { addDescribeCommand } from "./describe/command.ts";

/** `experimental`, by its short name `x`: commands that Istio keeps apart. */
export function addExperimentalCommand(program: Command): void {
  const root = program.command("experimental").aliases(["x", "exp"]).description("commands that may change");
  addAuthzCommand(root);
  addDescribeCommand(root);
}
