// node load.ts URL SECONDS [RESULT-FILE]: asks again and again on kept connections, and says how often there was no answer of status 200.
// With a file it goes on until SIGTERM, finishes what it has begun, and writes there.
import { writeFileSync } from "node:fs";
import { Agent, get } from "node:http";

const [url = "", seconds = "10", file] = process.argv.slice(2);
const workers = 6;
const pauseMs = 15;
const agent = new Agent({ keepAlive: true });
const end = Date.now() + Number(seconds) * 1000;
const result = { sent: 0, seen: {} as Record<string, number>, failures: [] as string[] };
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: 20_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${answer.statusCode} ${text}`));
      });
      answer.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 20 s")));
    request.on("error", reject);
  });
}

async function work(): Promise<void> {
  while (!stop.signal.aborted && Date.now() < end) {
    result.sent += 1;
    try {
      const text = await ask();
      result.seen[text] = (result.seen[text] ?? 0) + 1;
    } catch (error) {
      result.failures.push(`${new Date().toISOString()} ${String(error)}`);
    }
    await new Promise((done) => setTimeout(done, pauseMs));
  }
}

await Promise.all(Array.from({ length: workers }, work));
const text = JSON.stringify({ ...result, failures: result.failures.slice(0, 20), failed: result.failures.length });
if (file) writeFileSync(file, text);
else process.stdout.write(text);
process.exit();
