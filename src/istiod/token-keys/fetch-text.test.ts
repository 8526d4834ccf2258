import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { createTextFetcher } from "./fetch-text.ts";
import { readTokenKeyOptions, type TokenKeyOptions } from "./options.ts";

const never = new AbortController().signal;
const usual = readTokenKeyOptions({});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("what is at a URL", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-keys-"));
  const authoritiesFile = join(folder, "extra.pem");
  const servers: Server[] = [];
  let plain = "";
  let secure = "";

  const answer: RequestListener = ({ url = "" }, response) => {
    if (url === "/text") response.end("text");
    else if (url === "/large") response.end("x".repeat(1024 * 1024 + 1));
    else if (url === "/endless") {
      const more = setInterval(() => response.write("x"), 10);
      response.once("close", () => clearInterval(more));
    } else if (url === "/silent") return;
    else if (url.startsWith("/to?")) response.writeHead(302, { location: decodeURIComponent(url.slice(4)) }).end();
    else if (url === "/loop") response.writeHead(307, { location: "/loop" }).end();
    else if (url === "/nowhere") response.writeHead(302, { location: "http://" }).end();
    else response.writeHead(404).end("secret");
  };

  before(async () => {
    const root = await createSelfSignedRoot("test", new Date());
    const pair = await generateKeyPair();
    const cert = issue(authorityFrom({ certificate: root.certificatePem, key: root.keyPem }), {
      publicKey: pair.publicKey,
      names: [{ dns: "localhost" }],
      lifetimeMs: 3_600_000,
      now: new Date(),
    });
    writeFileSync(authoritiesFile, root.certificatePem);
    const key = pair.privateKey.export({ type: "pkcs8", format: "pem" });
    servers.push(createServer(answer), createTlsServer({ cert, key }, answer));
    const [plainPort, securePort] = await Promise.all(servers.map(listen));
    plain = `http://localhost:${plainPort}`;
    secure = `https://localhost:${securePort}`;
  });
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  const get = (url: string, changes: Partial<TokenKeyOptions> = {}, timeoutMs = 2000): Promise<string> =>
    createTextFetcher({ ...usual, authoritiesFile, ...changes }, never)(url, timeoutMs);

  test("comes over plain text, TLS, and redirects", async () => {
    assert.equal(await get(`${plain}/text`), "text");
    assert.equal(await get(`${secure}/text`), "text");
    assert.equal(await get(`${plain}/to?/text`), "text");
    assert.equal(await get(`${plain}/to?${encodeURIComponent(`${secure}/text`)}`), "text");
  });

  test("comes with a certificate that is believed, unless that isn't asked for", async () => {
    await assert.rejects(get(`${secure}/text`, { authoritiesFile: join(folder, "none") }), /certificate/);
    assert.equal(await get(`${secure}/text`, { authoritiesFile: join(folder, "none"), insecure: true }), "text");
    const other = secure.replace("localhost", "127.0.0.1");
    await assert.rejects(get(`${other}/text`), /IP.*127\.0\.0\.1/);
  });

  test("isn't longer than it may be, nor slower", async () => {
    await assert.rejects(get(`${plain}/large`), /longer than 1048576 bytes/);
    await assert.rejects(get(`${plain}/endless`, {}, 100), /within 100 ms/);
    await assert.rejects(get(`${plain}/silent`, {}, 100), /within 100 ms/);
  });

  test("is only what was asked for", async () => {
    await assert.rejects(get(`${plain}/other`), { message: "it answers with status 404" });
    await assert.rejects(get(`${plain}/loop`), /more than 5 times/);
    await assert.rejects(get(`${plain}/nowhere`), /isn't a URL/);
    await assert.rejects(get(`${secure}/to?${encodeURIComponent(`${plain}/text`)}`), /from TLS to plain text/);
    for (const url of ["file:///etc/passwd", "ftp://localhost/", "data:,x"]) {
      await assert.rejects(get(url), /isn't fetched/);
      await assert.rejects(get(`${plain}/to?${encodeURIComponent(url)}`), /isn't fetched/);
    }
  });

  test("isn't at a blocked address, by whatever way that is reached", async () => {
    const { blocked } = readTokenKeyOptions({ BLOCKED_CIDRS_IN_JWKS_URIS: "127.0.0.0/8, ::1/128" });
    for (const host of ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
      await assert.rejects(get(plain.replace("localhost", host), { blocked }), /blocked/, host);
  });

  test("is never where clouds keep credentials", async () => {
    const hosts = ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200"];
    for (const host of hosts) {
      await assert.rejects(get(`http://${host}/latest/meta-data`), /blocked/, host);
      await assert.rejects(get(`${plain}/to?${encodeURIComponent(`http://${host}/`)}`), /blocked/, host);
    }
  });

  test("isn't waited for when istiod stops", async () => {
    const stopping = new AbortController();
    const asked = createTextFetcher(usual, stopping.signal)(`${plain}/silent`, 60_000);
    setTimeout(() => stopping.abort(), 20);
    await assert.rejects(asked, { name: "AbortError" });
  });
});

test("settings that can't be used are refused by name", () => {
  const refused: Readonly<Record<string, string>> = {
    PILOT_JWT_ENABLE_REMOTE_JWKS: "sometimes",
    PILOT_JWT_PUB_KEY_REFRESH_INTERVAL: "often",
    BLOCKED_CIDRS_IN_JWKS_URIS: "10.0.0.0/33",
  };
  for (const [name, value] of Object.entries(refused))
    assert.throws(() => readTokenKeyOptions({ [name]: value }), new RegExp(`^Error: ${name}: ${value} `));
  assert.equal(readTokenKeyOptions({ PILOT_JWT_ENABLE_REMOTE_JWKS: "true" }).reader, "hybrid");
});
