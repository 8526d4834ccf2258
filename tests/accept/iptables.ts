import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { settingFields } from "#redirect/flags.ts";
import { planText } from "#redirect/plan.ts";
import { type CaptureSettings, defaultSettings } from "#redirect/settings.ts";
import type { AcceptCase, AcceptSuite } from "./suite.ts";

interface Expectations {
  readonly base: Record<string, unknown>;
  readonly cases: readonly { readonly name: string; readonly golden: string; readonly set: Record<string, unknown> }[];
}

/** A setting of the data to ours; a setting we don't know fails the case. */
function toSettings(values: Record<string, unknown>): CaptureSettings {
  const settings: Record<string, unknown> = { ...defaultSettings };
  for (const [field, value] of Object.entries(values)) {
    if (field === "DryRun") continue;
    const name = settingFields[field];
    assert.ok(name, `the data sets ${field}, which istio-iptables here doesn't have`);
    settings[name] = value;
  }
  return settings as unknown as CaptureSettings;
}

const suite: AcceptSuite = async (folder) => {
  const data = JSON.parse(await readFile(join(folder, "expectations.json"), "utf8")) as Expectations;
  return data.cases.map(
    (item): AcceptCase => ({
      name: item.name,
      run: async () => {
        const golden = await readFile(join(folder, item.golden), "utf8");
        assert.equal(planText(toSettings({ ...data.base, ...item.set })).trim(), golden.trim());
      },
    }),
  );
};

export default suite;
