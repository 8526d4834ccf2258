import type { Container } from "kubernetes-types/core/v1.d.ts";

/** A probe's or hook's `port`: a number, or the name of one of the container's ports. Undefined when there is no such. */
export function resolvePort(container: Container, port: number | string): number | undefined {
  const number = typeof port === "number" ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  const found = number ?? (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  return found !== undefined && found > 0 && found < 65_536 ? found : undefined;
}
