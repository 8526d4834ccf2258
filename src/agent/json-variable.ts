/** A JSON map from an environment variable. Throws an Error that names the variable. */
export function parseVariable(name: string, text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${name} is not a JSON map`);
  return value;
}
