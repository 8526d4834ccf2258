const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that may stand in an element or a quoted attribute. Anything but text and numbers is empty. */
export function escapeHtml(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "";
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
