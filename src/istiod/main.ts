/** `pilot-discovery`: `discovery` runs the control plane, `request` asks a running one, `version` prints its version. */
const [command = "discovery", ...args] = process.argv.slice(2);

switch (command) {
  case "discovery": {
    const { runDiscovery } = await import("./discovery-command.ts");
    await runDiscovery(args);
    break;
  }
  case "request": {
    const { runRequest } = await import("./request-command.ts");
    process.exitCode = await runRequest(args);
    break;
  }
  case "version": {
    const { version } = await import("./version.ts");
    process.stdout.write(`${version}\n`);
    break;
  }
  default:
    process.stderr.write(`pilot-discovery: no command ${command}; there are discovery, request and version\n`);
    process.exitCode = 2;
}
