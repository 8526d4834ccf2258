import type { Destination, VirtualService } from "#api/istio/virtual-service.ts";

export interface LocatedDestination {
  /** JSON path, such as `spec.http[0].route[1].destination`. */
  readonly field: string;
  /** Undefined where a route names none. */
  readonly destination: Partial<Destination> | undefined;
}

/** Every destination that a VirtualService sends something to, mirrors included. */
export function destinationsOf({ spec }: VirtualService): LocatedDestination[] {
  const found: LocatedDestination[] = [];
  (spec?.http ?? []).forEach((http, index) => {
    const at = `spec.http[${index}]`;
    (http.route ?? []).forEach((route, item) => {
      found.push({ field: `${at}.route[${item}].destination`, destination: route.destination });
    });
    if (http.mirror) found.push({ field: `${at}.mirror`, destination: http.mirror });
    (http.mirrors ?? []).forEach((mirror, item) => {
      found.push({ field: `${at}.mirrors[${item}].destination`, destination: mirror.destination });
    });
  });
  for (const protocol of ["tcp", "tls"] as const) {
    (spec?.[protocol] ?? []).forEach(({ route }, index) => {
      (route ?? []).forEach(({ destination }, item) => {
        found.push({ field: `spec.${protocol}[${index}].route[${item}].destination`, destination });
      });
    });
  }
  return found;
}
