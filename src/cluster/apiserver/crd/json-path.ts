/**
 * The JSONPath of kubectl's printer columns: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`.
 * Anything else gives no value.
 */
export type JsonPath = (value: unknown) => unknown[];

type Step = (values: unknown[]) => unknown[];

const tokenPattern =
  /\.(?<field>[^.[\]]+)|\['(?<quoted>[^']+)'\]|\[(?<index>-?\d+)\]|\[(?<all>\*)\]|\[\?\(@\.(?<key>[^=!\s)]+)\s*(?<operator>==|!=)\s*["'](?<text>[^"']*)["']\s*\)\]/gy;

function fieldOf(value: unknown, field: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (field === "*") return Object.values(value);
  return Object.hasOwn(value, field) ? [(value as Record<string, unknown>)[field]] : [];
}

export function parseJsonPath(text: string): JsonPath {
  let rest = text
    .trim()
    .replace(/^\{|\}$/g, "")
    .replace(/^\$/, "");
  if (rest !== "" && !rest.startsWith(".") && !rest.startsWith("[")) rest = `.${rest}`;
  // `\.` in a field name is a dot of the name.
  rest = rest.replaceAll(/\.((?:[^.[\]\\]|\\.)+)/g, (whole, name: string) =>
    name.includes("\\") ? `['${name.replaceAll("\\", "")}']` : whole,
  );
  const steps: Step[] = [];
  tokenPattern.lastIndex = 0;
  let end = 0;
  for (const match of rest.matchAll(tokenPattern)) {
    end = match.index + match[0].length;
    const { field, quoted, index, all, key, operator, text: wanted } = match.groups ?? {};
    const name = field ?? quoted;
    if (name !== undefined) steps.push((values) => values.flatMap((value) => fieldOf(value, name)));
    else if (index !== undefined)
      steps.push((values) =>
        values.flatMap((value) => (Array.isArray(value) && Number(index) in value ? [value.at(Number(index))] : [])),
      );
    else if (all !== undefined)
      steps.push((values) => values.flatMap((value) => (Array.isArray(value) ? value : fieldOf(value, "*"))));
    else if (key !== undefined)
      steps.push((values) =>
        values.flatMap((value) =>
          Array.isArray(value)
            ? value.filter((item) => {
                const found = key.split(".").reduce<unknown>((from, step) => fieldOf(from, step)[0], item);
                return (String(found) === wanted) === (operator === "==");
              })
            : [],
        ),
      );
  }
  if (end !== rest.length) return () => [];
  return (value) => {
    let values: unknown[] = [value];
    for (const step of steps) values = step(values);
    return values;
  };
}
