export type Labels = Readonly<Record<string, string>>;

/** Whether `labels` have all that `selector` asks for; an empty one asks for nothing. */
export function selects(selector: Labels | undefined, labels: Labels): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
}
