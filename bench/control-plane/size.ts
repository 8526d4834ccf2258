/** How large a mesh is, and how many proxies ask for it. */
export interface Size {
  readonly services: number;
  readonly namespaces: number;
  readonly proxies: number;
  /** Every namespace has a Sidecar that brings in its own services only. */
  readonly scoped?: boolean;
}

export interface Place {
  readonly name: string;
  readonly namespace: string;
}

/** The service of that index; services go round the namespaces. */
export function serviceAt({ namespaces }: Size, index: number): Place {
  return { name: `svc-${index}`, namespace: `ns-${index % namespaces}` };
}

/** The pod of that index belongs to a service: pods go round the services. */
export function podAt(size: Size, index: number): Place & { readonly ip: string; readonly app: string } {
  const { name, namespace } = serviceAt(size, index % size.services);
  return { name: `${name}-${index}`, namespace, app: name, ip: `10.1.${index >> 8}.${index & 255}` };
}

/** How many of the sidecars see what changes in a namespace. */
export function concerned(size: Size, namespace: string): (index: number) => boolean {
  return (index) => !size.scoped || podAt(size, index).namespace === namespace;
}
