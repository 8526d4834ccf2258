import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type RecordType } from "dns-packet";
import { answerWorkload } from "./answer.ts";
import { createHosts, type Hosts } from "./hosts.ts";

const kubernetes = { registry: "Kubernetes", namespace: "shop" };
const external = { registry: "External", shortname: "", namespace: "" };
const hosts = createHosts(
  new Map([
    ["web.shop.svc.cluster.local", { ips: ["10.0.0.1"], shortname: "web", ...kubernetes }],
    ["db-0.db.shop.svc.cluster.local", { ips: ["10.1.0.1"], shortname: "db-0.db", ...kubernetes }],
    ["api.example.com", { ips: ["240.240.0.1", "2001:2::1"], ...external }],
    ["*.wild.example", { ips: ["240.240.0.2"], ...external }],
  ]),
  { namespace: "shop", domain: "svc.cluster.local", search: ["shop.svc.cluster.local", "svc.cluster.local"] },
);

/** Records as `NAME DATA`, or what happened instead. */
async function ask(name: string, type: RecordType = "A", table: Hosts | undefined = hosts): Promise<readonly string[]> {
  const query = encode({ type: "query", id: 7, questions: [{ name, type }] });
  let forwarded = false;
  const bytes = await answerWorkload(query, "udp", table, async (asked) => {
    forwarded = true;
    return asked;
  });
  assert.ok(bytes);
  if (forwarded) return ["forwarded"];
  const packet = decode(bytes);
  const { rcode } = packet as unknown as { rcode: string };
  if (rcode !== "NOERROR") return [rcode];
  assert.equal(packet.id, 7);
  return (packet.answers ?? []).map((record) => {
    assert.ok("ttl" in record && "data" in record);
    assert.equal(record.ttl, 30);
    return `${record.name} ${record.data as string}`;
  });
}

test("hosts of the mesh are answered, in any case of letters, and by the short names of the workload's namespace", async () => {
  assert.deepEqual(await ask("API.example.com"), ["API.example.com 240.240.0.1"]);
  assert.deepEqual(await ask("api.example.com", "AAAA"), ["api.example.com 2001:2::1"]);
  for (const name of ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"]) {
    assert.deepEqual(await ask(name), [`${name} 10.0.0.1`]);
  }
  assert.deepEqual(await ask("db-0.db.shop"), ["db-0.db.shop 10.1.0.1"]);
});

test("a name that the resolver put its search domain behind is answered as what it means", async () => {
  const guess = "api.example.com.shop.svc.cluster.local";
  assert.deepEqual(await ask(guess), [`${guess} api.example.com`, "api.example.com 240.240.0.1"]);
});

test("a pattern's address is that of every name under it, and of no other", async () => {
  assert.deepEqual(await ask("a.b.wild.example"), ["a.b.wild.example 240.240.0.2"]);
  assert.deepEqual(await ask("wild.example"), ["forwarded"]);
});

test("a host without addresses of the kind exists; other kinds and other hosts are asked elsewhere", async () => {
  assert.deepEqual(await ask("web.shop.svc.cluster.local", "AAAA"), []);
  assert.deepEqual(await ask("web.shop.svc.cluster.local", "SRV"), ["forwarded"]);
  assert.deepEqual(await ask("other.example"), ["forwarded"]);
});

test("before the names are there, and when nobody answers, it fails", async () => {
  const query = encode({ type: "query", id: 7, questions: [{ name: "api.example.com", type: "A" }] });
  const rcode = (bytes: Buffer | undefined): number => (bytes?.readUInt16BE(2) ?? 0) & 15;
  assert.equal(rcode(await answerWorkload(query, "udp", undefined, async (asked) => asked)), 2);
  const other = encode({ type: "query", id: 7, questions: [{ name: "x.example", type: "A" }] });
  assert.equal(rcode(await answerWorkload(other, "udp", hosts, () => Promise.reject(new Error("nobody")))), 2);
});
