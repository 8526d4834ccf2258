/** Bytes that two parsers may cut into requests at different places. In each, `/smuggled` is the request that one of them hides. */
const head = "POST / HTTP/1.1\r\nHost: web.example.com\r\n";
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: web.example.com\r\n\r\n";
const lengthOf = (text: string): string => `Content-Length: ${text.length}\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

interface SmuggledRequest {
  readonly name: string;
  readonly bytes: string;
  /** What the log says of a request that is refused. */
  readonly refused?: RegExp;
  /** The requests that both, the proxy and who is behind it, see where it is let through. */
  readonly seen?: readonly string[];
}

/** Behind the first request `/smuggled` is hidden, for one of two who cut differently. RFC 9112 §11.2 */
export const smuggledRequests: readonly SmuggledRequest[] = [
  {
    name: "CL.TE: a length that covers a request behind the last chunk",
    bytes: `${head}${lengthOf(`0\r\n\r\n${smuggled}`)}${chunked}\r\n0\r\n\r\n${smuggled}`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE.CL: a length that ends inside of the first chunk",
    bytes: `${head}Content-Length: 4\r\n${chunked}\r\n${chunk(smuggled)}0\r\n\r\n`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE.TE: a coding that only looks like chunked",
    bytes: `${head}${lengthOf(smuggled)}Transfer-Encoding: xchunked\r\n\r\n${smuggled}`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE.TE: a second coding after chunked",
    bytes: `${head}${lengthOf(smuggled)}${chunked}Transfer-Encoding: identity\r\n\r\n${smuggled}`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE.TE: two codings without a length",
    bytes: `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    refused: /invalid_transfer_encoding/,
  },
  {
    name: "TE behind a tab and in mixed case",
    bytes: `${head}${lengthOf(smuggled)}Transfer-Encoding:\tchUnked\r\n\r\n0\r\n\r\n${smuggled}`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE with a space before the colon",
    bytes: `${head}${lengthOf(smuggled)}Transfer-Encoding : chunked\r\n\r\n${smuggled}`,
    refused: /codec_error/,
  },
  {
    name: "TE on a folded line",
    bytes: `${head}${lengthOf(smuggled)}Transfer-Encoding:\r\n chunked\r\n\r\n${smuggled}`,
    refused: /content_length_and_chunked_not_allowed/,
  },
  {
    name: "TE behind a bare CR, which is taken out",
    bytes: `${head}${lengthOf(smuggled)}X: y\rTransfer-Encoding: chunked\r\n\r\n${smuggled}`,
    seen: ["POST /"],
  },
  {
    name: "two lengths",
    bytes: `${head}Content-Length: 0\r\n${lengthOf(smuggled)}\r\n${smuggled}`,
    refused: /codec_error/,
  },
  {
    name: "two lengths in one field",
    bytes: `${head}Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}`,
    refused: /codec_error/,
  },
  {
    name: "a length with a sign",
    bytes: `${head}Content-Length: +${smuggled.length}\r\n\r\n${smuggled}`,
    refused: /codec_error/,
  },
  {
    name: "a length in hexadecimal",
    bytes: `${head}Content-Length: 0x${smuggled.length.toString(16)}\r\n\r\n${smuggled}`,
    refused: /codec_error/,
  },
  { name: "a negative length", bytes: `${head}Content-Length: -1\r\n\r\n${smuggled}`, refused: /codec_error/ },
  {
    name: "a length beyond 64 bits",
    bytes: `${head}Content-Length: 18446744073709551617\r\n\r\n${smuggled}`,
    refused: /codec_error/,
  },
  {
    name: "a chunk size beyond 64 bits",
    bytes: `${head}${chunked}\r\n10000000000000000\r\n${smuggled}`,
    refused: /codec_error/,
  },
  { name: "chunks ended by a bare LF", bytes: `${head}${chunked}\r\n1\nZ\n0\n\n${smuggled}`, refused: /codec_error/ },
  {
    name: "a chunk that goes on past its size: what is too much is taken out",
    bytes: `${head}${chunked}\r\n1\r\nab\r\n0\r\n\r\n${smuggled}`,
    seen: ["POST /", "GET /smuggled"],
  },
  {
    name: "header lines ended by a bare LF, one of them a length",
    bytes: `POST / HTTP/1.1\nHost: web.example.com\nX: y\nContent-Length: ${smuggled.length}\n\n${smuggled}`,
    seen: ["POST /"],
  },
  { name: "a NUL in a header's value", bytes: `${head}X: a\0b\r\n\r\n`, refused: /invalid_characters/ },
  { name: "no host", bytes: "GET /smuggled HTTP/1.1\r\n\r\n", refused: /missing_host_header/ },
  {
    name: "a second request line in a header's value",
    bytes: "GET /a HTTP/1.1\r\nX: y /smuggled HTTP/1.1\r\nHost: web.example.com\r\n\r\n",
    seen: ["GET /a"],
  },
  {
    name: "HTTP/1.0 with chunks",
    bytes: `POST / HTTP/1.0\r\nHost: web.example.com\r\n${chunked}\r\n0\r\n\r\n${smuggled}`,
    refused: /low_version/,
  },
  {
    name: "two requests, nothing hidden",
    bytes: `GET / HTTP/1.1\r\nHost: web.example.com\r\n\r\n${smuggled}`,
    seen: ["GET /", "GET /smuggled"],
  },
];
