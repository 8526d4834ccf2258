/** How large a mesh is, and how many proxies ask for it. */
export interface Size {
  readonly services: number;
  readonly namespaces: number;
  readonly proxies: number;
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
