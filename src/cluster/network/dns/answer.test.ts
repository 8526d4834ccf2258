import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type RecordType } from "dns-packet";
import { answer } from "./answer.ts";
import type { ZoneData } from "./zone.ts";

const services = {
  "default/reviews": {
    metadata: { name: "reviews", namespace: "default" },
    spec: { clusterIP: "10.176.128.7", ports: [{ name: "http", port: 9080, protocol: "TCP" }] },
  },
  "db/mongo": { metadata: { name: "mongo", namespace: "db" }, spec: { clusterIP: "None" } },
  "default/docs": { metadata: { name: "docs" }, spec: { type: "ExternalName", externalName: "example.org" } },
};
const mongo = {
  metadata: {},
  addressType: "IPv4",
  ports: [{ name: "mongo", port: 27017, protocol: "TCP" }],
  endpoints: [
    { addresses: ["10.176.0.9"], hostname: "mongo-0", conditions: { ready: true } },
    { addresses: ["10.176.0.10"], conditions: { ready: false } },
    ...Array.from({ length: 60 }, (_, n) => ({ addresses: [`10.176.1.${n + 1}`] })),
  ],
};
const data: ZoneData = {
  service: (key) => services[key as keyof typeof services],
  services: () => Object.values(services),
  slices: (key) => (key === "db/mongo" ? [mongo] : []),
  hasNamespace: (name) => name === "default" || name === "db",
};

async function ask(name: string, type: RecordType, over: "udp" | "tcp" = "tcp") {
  const query = encode({ type: "query", id: 77, flags: 0x100, questions: [{ name, type }] });
  const bytes = await answer(query, over, {
    data,
    domain: "cluster.local",
    forward: async (asked) => {
      const { questions = [] } = decode(asked);
      const answers = questions.map((q) => ({ type: "A" as const, name: q.name, data: "93.184.216.34", ttl: 60 }));
      return encode({ type: "response", id: 77, questions, answers });
    },
  });
  assert.ok(bytes);
  const packet = decode(bytes);
  return {
    rcode: (packet as unknown as { rcode: string }).rcode,
    records: (packet.answers ?? []).map((record) => ("data" in record ? record.data : undefined)),
    soa: packet.authorities?.[0]?.type === "SOA",
    truncated: packet.flag_tc,
    size: bytes.length,
  };
}

test("a service has its address, in any case of letters", async () => {
  const { rcode, records } = await ask("Reviews.default.svc.CLUSTER.local", "A");
  assert.deepEqual([rcode, records], ["NOERROR", ["10.176.128.7"]]);
});

test("AAAA of a name that is there: no data, not no name", async () => {
  const { rcode, records, soa } = await ask("reviews.default.svc.cluster.local", "AAAA");
  assert.deepEqual([rcode, records, soa], ["NOERROR", [], true]);
});

test("the search path's wrong guesses don't exist", async () => {
  for (const name of ["reviews.db.svc.cluster.local", "example.org.default.svc.cluster.local", "x.cluster.local"])
    assert.equal((await ask(name, "A")).rcode, "NXDOMAIN", name);
  assert.equal((await ask("default.svc.cluster.local", "A")).rcode, "NOERROR");
});

test("a headless service has its ready pods, by name too", async () => {
  const { records } = await ask("mongo.db.svc.cluster.local", "A");
  assert.equal(records.length, 61);
  assert.ok(!records.includes("10.176.0.10"));
  assert.deepEqual((await ask("mongo-0.mongo.db.svc.cluster.local", "A")).records, ["10.176.0.9"]);
  assert.deepEqual((await ask("10-176-1-4.mongo.db.svc.cluster.local", "A")).records, ["10.176.1.4"]);
});

test("SRV gives port and target", async () => {
  const [record] = (await ask("_http._tcp.reviews.default.svc.cluster.local", "SRV")).records;
  assert.deepEqual(record, { priority: 0, weight: 100, port: 9080, target: "reviews.default.svc.cluster.local" });
  const found = (await ask("_mongo._tcp.mongo.db.svc.cluster.local", "SRV")).records as { target: string }[];
  assert.ok(found.some(({ target }) => target === "mongo-0.mongo.db.svc.cluster.local"));
});

test("pods, and the way back from an address", async () => {
  assert.deepEqual((await ask("1-2-3-4.default.pod.cluster.local", "A")).records, ["1.2.3.4"]);
  assert.deepEqual((await ask("7.128.176.10.in-addr.arpa", "PTR")).records, ["reviews.default.svc.cluster.local"]);
  assert.deepEqual((await ask("9.0.176.10.in-addr.arpa", "PTR")).records, ["mongo-0.mongo.db.svc.cluster.local"]);
});

test("ExternalName leads on to what it names; other names are asked elsewhere", async () => {
  assert.deepEqual((await ask("docs.default.svc.cluster.local", "A")).records, ["example.org", "93.184.216.34"]);
  assert.deepEqual((await ask("example.org", "A")).records, ["93.184.216.34"]);
});

test("a datagram holds what fits and sends the client to TCP for the rest", async () => {
  const { truncated, size, records } = await ask("mongo.db.svc.cluster.local", "A", "udp");
  assert.ok(truncated && size <= 512 && records.length > 0);
});

test("what isn't a question gets no answer, what can't be read an error", async () => {
  const answering = { data, domain: "cluster.local", forward: () => Promise.reject(new Error("no resolver")) };
  assert.equal(await answer(Buffer.from("short"), "udp", answering), undefined);
  const garbage = Buffer.concat([Buffer.from([0, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.alloc(40, 0xff)]);
  const reply = await answer(garbage, "udp", answering);
  assert.equal((reply?.readUInt16BE(2) ?? 0) & 15, 1);
  const query = encode({ type: "query", id: 1, questions: [{ type: "A", name: "example.org" }] });
  assert.equal(((await answer(query, "udp", answering))?.readUInt16BE(2) ?? 0) & 15, 2);
});
