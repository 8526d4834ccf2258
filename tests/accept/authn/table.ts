import { readFileSync } from "node:fs";

interface Tables<Case> {
  readonly tests: readonly { readonly test: string; readonly cases: readonly (Case & { readonly name: string })[] }[];
}

/** The cases of these upstream tests. */
export function casesOf<Case>(
  file: string,
  names: readonly string[],
): readonly { readonly test: string; readonly name: string; readonly one: Case & { readonly name: string } }[] {
  const { tests } = JSON.parse(readFileSync(file, "utf8")) as Tables<Case>;
  return tests
    .filter(({ test }) => names.includes(test))
    .flatMap(({ test, cases }) => cases.map((one) => ({ test, name: `${test}/${one.name}`, one })));
}

/** A policy of the fixture. */
export interface Listed<Spec> {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly creationTimestamp?: string;
  readonly spec: Spec;
}

/** What all cases of a file start from. */
export interface Fixture<Spec> {
  readonly rootNamespace: string;
  readonly policies: Readonly<Record<string, readonly Listed<Spec>[]>>;
  readonly use: Readonly<Record<string, readonly string[]>>;
}
