/** Where a WorkloadEntry is. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`. */
export function keyOf({ namespace = "", name = "" }: Partial<Place>): string {
  return `${namespace}/${name}`;
}

export function placeOf(key: string): Place {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}
