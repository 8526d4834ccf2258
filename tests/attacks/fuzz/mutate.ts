import type { Arbitrary } from "fast-check";
import * as fc from "fast-check";

/** What may stand in the place of anything in JSON. */
const anything: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e21,
    "",
    "*",
    "**",
    "{*}",
    "{**}/x",
    "/a/{*}.txt",
    [],
    {},
    [[]],
    [null],
    [""],
  ),
  fc.constantFrom(
    "10.0.0.0/99",
    "::1/129",
    "1.2.3.4.5",
    "99999",
    "request.headers[]",
    "request.auth.claims[a][",
    "a\0b",
    "\ud800",
    "x".repeat(5000),
  ),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "spiffe://a/ns/b/sa/c",
    "cluster.local/ns//sa/",
    "ftp://x",
    "http://[",
    "5s",
    "-5s",
  ),
  fc.string(),
  fc.jsonValue({ maxDepth: 2 }) as Arbitrary<unknown>,
);

interface Change {
  /** Chooses among the places that there are. */
  readonly place: number;
  readonly how: "replace" | "remove" | "add" | "repeat";
  readonly value: unknown;
  readonly name: string;
}

const changes: Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    place: fc.nat(),
    how: fc.constantFrom("replace", "replace", "remove", "add", "repeat"),
    value: anything,
    name: fc.oneof(
      fc.constantFrom("selector", "rules", "action", "mtls", "jwtRules", "from", "when", "unknown"),
      fc.string(),
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

type Container = Record<string, unknown>;

/** Every container in a value, with itself. */
function containersOf(value: unknown): Container[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Container, ...Object.values(value).flatMap(containersOf)];
}

function applied(spec: unknown, { place, how, value, name }: Change): void {
  const containers = containersOf(spec);
  const container = containers[place % containers.length];
  if (container === undefined) return;
  const keys = Object.keys(container);
  const key = keys[place % Math.max(1, keys.length)];
  if (how === "add" || key === undefined) container[Array.isArray(container) ? String(keys.length) : name] = value;
  else if (how === "replace") container[key] = value;
  else if (how === "repeat") container[Array.isArray(container) ? String(keys.length) : `${key}2`] = container[key];
  else if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** Good specs with some of what is in them changed, or nothing like a spec at all. */
export function mutated(good: Arbitrary<unknown>): Arbitrary<unknown> {
  return fc.oneof(
    { weight: 1, arbitrary: good },
    {
      weight: 8,
      arbitrary: fc.tuple(good, changes).map(([spec, list]) => {
        const copy = structuredClone(spec);
        for (const change of list) applied(copy, change);
        return copy;
      }),
    },
    { weight: 1, arbitrary: anything },
  );
}
