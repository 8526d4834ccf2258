import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { LogOptions } from "../../pod-streams.ts";
import { readLog } from "./log-reader.ts";
import { type LogWriter, openLogWriter } from "./log-writer.ts";

async function written(use: (writer: LogWriter, stdout: PassThrough, path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "weft-log-"));
  try {
    const path = join(directory, "0.log");
    const writer = await openLogWriter(path);
    const stdout = new PassThrough();
    writer.collect(stdout, "stdout");
    await use(writer, stdout, path);
    await writer.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const options: LogOptions = { follow: false, previous: false, timestamps: false, signal: AbortSignal.timeout(10_000) };

async function finish(writer: LogWriter, stdout: PassThrough): Promise<void> {
  stdout.end();
  await new Promise((resolve) => stdout.once("end", resolve));
  await writer.close();
}

async function read(path: string, more: Partial<LogOptions> = {}): Promise<string> {
  return Buffer.concat((await readLog({ path }, { ...options, ...more }).toArray()) as Buffer[]).toString();
}

test("gives back what was written, byte for byte, also a last line without an end and one that is very long", async () =>
  written(async (writer, stdout, path) => {
    const text = `één\n\n${"x".repeat(40_000)}\nlast`;
    const bytes = Buffer.from(text);
    // In the middle of a character.
    stdout.write(bytes.subarray(0, 1));
    stdout.write(bytes.subarray(1));
    await finish(writer, stdout);
    assert.equal(await read(path), text);
  }));

test("tail, limit, timestamps and since", async () =>
  written(async (writer, stdout, path) => {
    stdout.write("1\n2\n3\n");
    await finish(writer, stdout);
    assert.equal(await read(path, { tailLines: 2 }), "2\n3\n");
    assert.equal(await read(path, { tailLines: 0 }), "");
    assert.equal(await read(path, { tailLines: 9 }), "1\n2\n3\n");
    assert.equal(await read(path, { limitBytes: 3 }), "1\n2");
    assert.match(await read(path, { timestamps: true }), /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d\n){3}$/);
    assert.equal(await read(path, { sinceTime: new Date(Date.now() + 1000) }), "");
    assert.equal(await read(path, { sinceTime: new Date(Date.now() - 10_000) }), "1\n2\n3\n");
  }));

test("following sees what comes later, across rotation, and ends with the container", async () =>
  written(async (writer, stdout, path) => {
    const line = `${"y".repeat(1000)}\n`;
    const count = 11_000;
    let seen = 0;
    const reading = (async () => {
      for await (const chunk of readLog({ path, writer }, { ...options, follow: true }))
        seen += (chunk as Buffer).length;
    })();
    for (let index = 0; index < count; index += 1)
      if (!stdout.write(line)) await new Promise((resolve) => stdout.once("drain", resolve));
    await finish(writer, stdout);
    await reading;
    assert.equal(seen, count * line.length);
    assert.equal((await read(path, { tailLines: 10_500 })).length, 10_500 * line.length, "the older file helps out");
  }));
