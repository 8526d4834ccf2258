import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";

const main = join(import.meta.dirname, "main.ts");
const namespace = `weft-redirect-${process.pid}`;
const sidecar = ["-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*"];
const excluded = ["-d", "15090,15021,15020"];
const usable = process.getuid?.() === 0 && spawnSync("iptables", ["--version"]).status === 0;
const skip = usable ? false : "needs root and iptables: it makes a network namespace";

function inside(program: string, ...args: string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, program, ...args], { encoding: "utf8" });
}

function istioIptables(...args: string[]): string {
  return inside(process.execPath, main, "istio-iptables", ...args);
}

if (usable) {
  before(() => {
    execFileSync("ip", ["netns", "add", namespace]);
    inside("ip", "link", "set", "lo", "up");
    inside("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1");
    inside("ip", "link", "set", "eth1", "up");
    inside("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
    inside("ip", "link", "set", "eth0", "up");
    inside("ip", "route", "add", "default", "dev", "eth0");
  });
  after(() => {
    execFileSync("ip", ["netns", "delete", namespace]);
  });
}

test("rules are applied once, and a second run changes nothing", { skip }, () => {
  assert.match(istioIptables(...sidecar, ...excluded), /capture rules applied/);
  const listed = inside("iptables", "-t", "nat", "-L", "-n", "-v");
  for (const chain of ["ISTIO_INBOUND", "ISTIO_OUTPUT", "ISTIO_REDIRECT", "ISTIO_IN_REDIRECT"])
    assert.match(listed, new RegExp(`Chain ${chain} `));
  assert.match(listed, /redir ports 15001/);
  assert.match(listed, /owner UID match 1337/);
  assert.match(istioIptables(...sidecar, ...excluded), /nothing changed/);
});

test("a connection of the application lands on 15001, one of the proxy's user does not", { skip }, () => {
  // a listener on 15001, then one connection as a plain user and one as the proxy's, to an address nobody has
  const script = `
    const net = require("node:net"), { spawnSync } = require("node:child_process");
    const connect = (uid) => spawnSync(process.execPath, ["-e",
      'require("node:net").connect({host:"10.99.0.77",port:80}).on("connect",()=>process.exit(0)).on("error",()=>process.exit(1)); setTimeout(()=>process.exit(2),400)'
    ], { uid, gid: uid }).status;
    net.createServer((s) => s.end()).listen(15001, "0.0.0.0", () => {
      console.log(JSON.stringify({ app: connect(1000), proxy: connect(1337) }));
      process.exit(0);
    });`;
  const { app, proxy } = JSON.parse(inside(process.execPath, "-e", script)) as { app: number; proxy: number };
  assert.equal(app, 0, "uid 1000 reaches the listener through the redirect");
  assert.notEqual(proxy, 0, "uid 1337 goes out to the address itself, where nobody answers");
});

test("validation sees that capture works", { skip }, () => {
  const args = ["--reuid=1337", "--regid=1337", "--clear-groups", process.execPath, main, ...sidecar];
  assert.match(inside("setpriv", ...args, "--skip-rule-apply", "--run-validation"), /capture rules work/);
});

test("other settings are refused unless told to replace, and clean-up leaves no rule", { skip }, () => {
  const other = spawnSync("ip", ["netns", "exec", namespace, process.execPath, main, ...sidecar, "-d", "7"], {
    encoding: "utf8",
  });
  assert.equal(other.status, 1);
  assert.match(other.stderr, /--reconcile/);
  assert.match(istioIptables(...sidecar, "-d", "7", "--reconcile"), /replaced/);
  assert.match(inside("iptables-save"), /--dport 7 -j RETURN/);
  inside(process.execPath, main, "istio-clean-iptables", ...sidecar, "-d", "7");
  assert.doesNotMatch(inside("iptables-save"), /ISTIO_/);
  const unwritten = spawnSync(
    "ip",
    ["netns", "exec", namespace, process.execPath, main, "--skip-rule-apply", "--run-validation"],
    {
      encoding: "utf8",
    },
  );
  assert.match(unwritten.stderr, /hasn't written the capture rules/);
});
