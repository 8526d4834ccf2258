import { lookup } from "node:dns";
import { readFile } from "node:fs/promises";
import { Agent, type IncomingMessage, type RequestOptions, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";
import { type BlockList, isIP, type LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { TokenKeyOptions } from "./options.ts";

const maxBytes = 1024 * 1024;
const maxRedirects = 5;

type FetchOptions = Pick<TokenKeyOptions, "blocked" | "authoritiesFile" | "insecure">;

/** What is at a URL of HTTP. Throws an Error that says what is wrong. */
export type FetchText = (url: string, timeoutMs: number) => Promise<string>;

/**
 * Gets at most 1 MiB, within the time that is given, redirects (5, never from TLS to plain text) included. Names are looked up here,
 * once for each connection, so that none leads to a blocked address.
 */
export function createTextFetcher(options: FetchOptions, stopping: AbortSignal): FetchText {
  const trust = createTrust(options);
  return async (url, timeoutMs) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([stopping, timeout]);
    try {
      let at = new URL(url);
      for (let redirects = 0; ; redirects++) {
        const answer = await ask(at, options.blocked, trust, signal);
        const next = redirectOf(answer, at);
        if (next === undefined) return await bodyOf(answer, signal);
        answer.destroy();
        if (redirects === maxRedirects) throw new Error(`it redirects more than ${maxRedirects} times`);
        at = next;
      }
    } catch (error) {
      if (timeout.aborted) throw new Error(`there was no whole answer within ${timeoutMs} ms`, { cause: error });
      throw error;
    }
  };
}

type Trust = () => Promise<{ readonly rejectUnauthorized: boolean; readonly secureContext?: SecureContext }>;

/** Whom TLS believes. Reading all the system's certificates takes a while, so that is done again only if the extra ones change. */
function createTrust({ authoritiesFile, insecure }: FetchOptions): Trust {
  let last: { readonly extra: string; readonly secureContext: SecureContext } | undefined;
  return async () => {
    if (insecure) return { rejectUnauthorized: false };
    const extra = await readFile(authoritiesFile, "utf8").catch(() => "");
    if (last?.extra !== extra) {
      const known = new Set([...getCACertificates("default"), ...getCACertificates("system")]);
      last = { extra, secureContext: createSecureContext({ ca: [...known, ...(extra === "" ? [] : [extra])] }) };
    }
    return { rejectUnauthorized: true, secureContext: last.secureContext };
  };
}

async function ask(url: URL, blocked: BlockList, trust: Trust, signal: AbortSignal): Promise<IncomingMessage> {
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error(`${url.protocol}// isn't fetched`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && isBlocked(blocked, host)) throw new Error(`${host} is blocked`);
  const secure = url.protocol === "https:";
  const proxied = { proxyEnv: process.env };
  const options: RequestOptions = {
    agent: secure ? new TlsAgent({ ...proxied, ...(await trust()) }) : new Agent(proxied),
    signal,
    lookup: allowedOnly(blocked),
    headers: { accept: "application/json", "user-agent": "weft" },
  };
  return await new Promise<IncomingMessage>((resolve, reject) => {
    (secure ? requestTls : requestPlain)(url, options).once("response", resolve).once("error", reject).end();
  });
}

function isBlocked(blocked: BlockList, address: string): boolean {
  return blocked.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** Looks names up as the system does; fails if any of the addresses is blocked. */
function allowedOnly(blocked: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const bad = addresses.find(({ address }) => isBlocked(blocked, address));
      if (bad !== undefined) return callback(new Error(`${hostname} leads to ${bad.address}, which is blocked`), []);
      const [first] = addresses;
      if (options.all || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined;
  const next = URL.parse(headers.location, from.href);
  if (next === null) throw new Error("it redirects to what isn't a URL");
  if (from.protocol === "https:" && next.protocol !== "https:") throw new Error("it redirects from TLS to plain text");
  return next;
}

async function bodyOf(answer: IncomingMessage, signal: AbortSignal): Promise<string> {
  const { statusCode = 0 } = answer;
  if (statusCode < 200 || statusCode > 299) {
    answer.destroy();
    throw new Error(`it answers with status ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > maxBytes) throw new Error(`its answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
