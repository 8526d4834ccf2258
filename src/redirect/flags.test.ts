import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlags } from "./flags.ts";
import { defaultSettings, settingsError } from "./settings.ts";

test("the command line wins over the environment; short, long and attached forms are read", () => {
  const env = { ENVOY_PORT: "1", ISTIO_INBOUND_PORTS: "80,90", ISTIO_META_DNS_CAPTURE: "true" };
  const { settings, options } = parseFlags(["-p", "15001", "--proxy-uid=1337", "-x", "", "--dry-run"], env);
  assert.deepEqual(settings, {
    proxyPort: "15001",
    inboundPortsInclude: "80,90",
    redirectDns: true,
    proxyUid: "1337",
    outboundIpRangesExclude: "",
  });
  assert.equal(options.dryRun, true);
});

test("what can't be read is named", () => {
  assert.throws(() => parseFlags(["--nonsense"], {}), /'--nonsense'/);
  assert.throws(() => parseFlags(["-p"], {}), /-p needs a value/);
  assert.match(settingsError({ ...defaultSettings, inboundPortsExclude: "80,http" }) ?? "", /'http' is not a port/);
  assert.match(settingsError({ ...defaultSettings, outboundIpRangesExclude: "*" }) ?? "", /exclude everything/);
});
