import assert from "node:assert/strict";
import type { ExpectedResponse } from "./cases.ts";
import type { Answer } from "./requests.ts";

interface Echo {
  readonly path: string;
  readonly host: string;
  readonly pod: string;
  readonly namespace: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

const ok = 200;
const grpcCodes: Readonly<Record<string, number>> = { OK: 0, Unimplemented: 12, Unavailable: 14 };

/** Throws when an answer to an HTTP request isn't the expected one. */
export function judgeHttp(expected: ExpectedResponse, answer: Answer): void {
  const { response = {}, redirectRequest } = expected;
  const statuses = response.statusCodes ?? [response.statusCode ?? expected.statusCode ?? ok];
  assert.ok(statuses.includes(answer.status), `status ${answer.status}, expected ${statuses.join(" or ")}`);
  judgeHeaders("response header", answer.headers, response.headers, response.absentHeaders, response.ignoreWhitespace);
  if (redirectRequest) judgeRedirect(redirectRequest, answer);
  else if (answer.status === ok && expected.request?.method !== "HEAD" && answer.body.startsWith("{"))
    judgeEcho(expected, JSON.parse(answer.body) as Echo);
}

function judgeEcho(expected: ExpectedResponse, echo: Echo): void {
  if (expected.backend)
    assert.ok(echo.pod.startsWith(expected.backend), `pod ${echo.pod}, expected ${expected.backend}`);
  if (expected.namespace) assert.equal(echo.namespace, expected.namespace);
  const wanted = expected.expectedRequest;
  const path = wanted?.request?.path || expected.request?.path || "/";
  assert.equal(echo.path, path, "path at the backend");
  const headers = Object.fromEntries(
    Object.entries(echo.headers).map(([name, values]) => [name.toLowerCase(), values.join(",")]),
  );
  judgeHeaders("request header", headers, wanted?.request?.headers, wanted?.absentHeaders);
}

function judgeHeaders(
  what: string,
  actual: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
  absent: readonly string[] = [],
  ignoreWhitespace = false,
): void {
  const plain = (value: string | undefined) => (ignoreWhitespace ? value?.replace(/\s/g, "") : value);
  for (const [name, value] of Object.entries(wanted))
    assert.equal(plain(actual[name.toLowerCase()]), plain(value), `${what} ${name}`);
  for (const name of absent) assert.equal(actual[name.toLowerCase()], undefined, `${what} ${name} must be absent`);
}

function judgeRedirect(wanted: NonNullable<ExpectedResponse["redirectRequest"]>, answer: Answer): void {
  const location = new URL(answer.headers["location"] ?? "");
  if (wanted.scheme) assert.equal(location.protocol, `${wanted.scheme}:`, "scheme of the redirect");
  if (wanted.host) assert.equal(location.hostname, wanted.host, "host of the redirect");
  if (wanted.path) assert.equal(location.pathname, wanted.path, "path of the redirect");
  assert.equal(location.port, wanted.port ?? "", "port of the redirect");
}

/** Throws when a gRPC call didn't end as expected. */
export function judgeGrpc(expected: ExpectedResponse, answer: Answer): void {
  // A call for which the data names no backend must not come to one.
  const code = expected.response?.code ?? (expected.backend ? "OK" : "Unavailable");
  assert.equal(answer.status, grpcCodes[code], `gRPC status, expected ${code}`);
  if (code !== "OK") return;
  if (expected.backend) assert.ok(answer.body.includes(expected.backend), `pod of ${expected.backend}`);
}
