/** Variables in order of definition; a later definition of a name replaces the earlier. */
export type Environment = ReadonlyMap<string, string>;

/**
 * Expands `$(NAME)` by the variables that are defined so far; `$$(NAME)` stands for a literal `$(NAME)`, and a name that isn't
 * defined stays as it is written (Kubernetes API reference, `Container.env` and `Container.args`).
 */
export function expand(text: string, env: Environment): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (written, name: string | undefined) => {
    if (name === undefined) return "$";
    return env.get(name) ?? written;
  });
}

/** The program and its arguments: `command` replaces the image's entry point and then also its default arguments. */
export function argumentsOf(
  container: { readonly command?: readonly string[]; readonly args?: readonly string[] },
  image: { readonly entrypoint: readonly string[]; readonly command: readonly string[] },
  env: Environment,
): readonly string[] {
  const command = container.command ?? [];
  const args = container.args ?? [];
  const expanded = [...command, ...args].map((text) => expand(text, env));
  if (command.length > 0) return expanded;
  return [...image.entrypoint, ...(args.length > 0 ? expanded : image.command)];
}

export interface ServiceFacts {
  readonly name: string;
  readonly clusterIP: string;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
}

/** `REVIEWS_SERVICE_HOST` and its kin (Kubernetes: "Discovering services", environment variables). */
export function serviceVariables(service: ServiceFacts): readonly (readonly [string, string])[] {
  const first = service.ports[0];
  if (first === undefined || service.clusterIP === "" || service.clusterIP === "None") return [];
  const prefix = variableName(service.name);
  const link = (port: ServiceFacts["ports"][number]): string =>
    `${(port.protocol ?? "TCP").toLowerCase()}://${service.clusterIP}:${port.port}`;
  const variables: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, service.clusterIP],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    [`${prefix}_PORT`, link(first)],
  ];
  for (const port of service.ports) {
    const protocol = port.protocol ?? "TCP";
    if (port.name) variables.push([`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port)]);
    const long = `${prefix}_PORT_${port.port}_${protocol}`;
    variables.push(
      [long, link(port)],
      [`${long}_PROTO`, protocol.toLowerCase()],
      [`${long}_PORT`, String(port.port)],
      [`${long}_ADDR`, service.clusterIP],
    );
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replace(/-/g, "_");
}
