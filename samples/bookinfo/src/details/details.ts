import { forwardedHeaders } from "../forwarded-headers.ts";
import { type Handler, json, notFound } from "../http-service.ts";
import { type Book, fetchBook } from "./external-book.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** The facts of the book: `GET /details/ID`. With `ENABLE_EXTERNAL_BOOK_SERVICE=true` (v2) they come from Google Books. */
export function detailsHandler(env: Env): Handler {
  const external = env["ENABLE_EXTERNAL_BOOK_SERVICE"] === "true";
  const plain = env["DO_NOT_ENCRYPT"] === "true";
  return async ({ method, path, headers }) => {
    if (method !== "GET") return notFound;
    if (path === "/health") return json({ status: "Details is healthy" });
    const id = /^\/details(?:\/(.*))?$/.exec(path)?.[1];
    if (id === undefined && path !== "/details") return notFound;
    if (!/^-?\d+$/.test(id ?? "")) return json({ error: "please provide numeric product id" }, 400);
    try {
      const book = external ? await fetchBook(forwardedHeaders(headers), plain) : knownBook;
      return json({ id: Number(id), ...book });
    } catch (error) {
      return json({ error: error instanceof Error ? error.message : String(error) }, 400);
    }
  };
}

const knownBook: Book = {
  author: "William Shakespeare",
  year: 1595,
  type: "paperback",
  pages: 200,
  publisher: "PublisherA",
  language: "English",
  "ISBN-10": "1234567890",
  "ISBN-13": "123-1234567890",
};
