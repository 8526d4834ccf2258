/** A value of protobuf's text form: messages are maps of their fields' values, each of which may be repeated. */
export type TextValue = string | number | boolean | TextMessage | readonly TextValue[];
export interface TextMessage {
  readonly [field: string]: TextValue;
}

const token = /\s+|#.*|"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?)|([{}[\]:,;])/gy;

/** Parses protobuf's text form, as far as the acceptance data uses it. Throws for anything else. */
export function parseTextProto(text: string): TextMessage {
  const tokens = [...tokenize(text)];
  let at = 0;
  const peek = (): string | undefined => tokens[at];
  const take = (): string => tokens[at++] ?? "";

  function message(end: string | undefined): TextMessage {
    const fields: Record<string, TextValue> = {};
    while (peek() !== end) {
      const name = take();
      if (peek() === ":") take();
      fields[name] = value();
      if (peek() === "," || peek() === ";") take();
    }
    take();
    return fields;
  }

  function value(): TextValue {
    const next = take();
    if (next === "{") return message("}");
    if (next === "[") {
      const items: TextValue[] = [];
      while (peek() !== "]") {
        items.push(value());
        if (peek() === ",") take();
      }
      take();
      return items;
    }
    if (next.startsWith('"')) return JSON.parse(next) as string;
    if (next === "true" || next === "false") return next === "true";
    return Number.isNaN(Number(next)) ? next : Number(next);
  }

  return message(undefined);
}

function* tokenize(text: string): Generator<string> {
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const from = token.lastIndex;
    const [found] = token.exec(text) ?? [];
    if (found === undefined)
      throw new Error(`text proto: ${JSON.stringify(text.slice(from, from + 20))} isn't understood`);
    if (found.trim() !== "" && !found.startsWith("#")) yield found;
  }
}
