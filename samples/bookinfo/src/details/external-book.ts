import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

export interface Book {
  readonly author: string;
  readonly year: number | string;
  readonly type: string;
  readonly pages: number;
  readonly publisher: string;
  readonly language: string;
  readonly "ISBN-10": string;
  readonly "ISBN-13": string;
}

interface Volume {
  readonly authors?: readonly string[];
  readonly publishedDate?: string;
  readonly printType?: string;
  readonly pageCount?: number;
  readonly publisher?: string;
  readonly language?: string;
  readonly industryIdentifiers?: readonly { readonly type: string; readonly identifier: string }[];
}

/** An edition of The Comedy of Errors whose only author is Shakespeare. */
const isbn = "0486424618";
const host = "www.googleapis.com";
const timeout = 5_000;
const maxAnswer = 1024 * 1024;

/** Asks Google Books; `plain`: by HTTP on port 80, for a sidecar to encrypt. Rejects with what went wrong. */
export async function fetchBook(headers: Record<string, string>, plain: boolean): Promise<Book> {
  const text = await get(`/books/v1/volumes?q=isbn:${isbn}`, headers, plain);
  const volume = (JSON.parse(text) as { items?: { volumeInfo?: Volume }[] }).items?.[0]?.volumeInfo;
  if (!volume) throw new Error(`${host} knows no book with ISBN ${isbn}`);
  const identifier = (type: string): string =>
    volume.industryIdentifiers?.find((one) => one.type === type)?.identifier ?? "unknown";
  return {
    author: volume.authors?.[0] ?? "unknown",
    year: volume.publishedDate ?? "unknown",
    type: volume.printType === "BOOK" ? "paperback" : "unknown",
    pages: volume.pageCount ?? 0,
    publisher: volume.publisher ?? "unknown",
    language: volume.language === "en" ? "English" : "unknown",
    "ISBN-10": identifier("ISBN_10"),
    "ISBN-13": identifier("ISBN_13"),
  };
}

/** The visitor's cookies and tokens are none of a stranger's business. */
const notForStrangers = new Set(["cookie", "authorization", "jwt", "end-user"]);

function get(path: string, forwarded: Record<string, string>, plain: boolean): Promise<string> {
  const headers = Object.fromEntries(Object.entries(forwarded).filter(([name]) => !notForStrangers.has(name)));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const send = plain ? httpRequest : httpsRequest;
  const outgoing = send({ host, path, headers, signal: AbortSignal.timeout(timeout) }, (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxAnswer) response.destroy(new Error(`${host}: answer larger than ${maxAnswer} bytes`));
    });
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(new Error(`${host} answered ${response.statusCode}`));
    });
  });
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}
