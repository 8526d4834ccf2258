import { memo } from "#model/memo.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { byName } from "../proto.ts";
import { additions } from "./patched-resource.ts";

/** Configurations that filters of the proxy ask for by name (ECDS). */
export const extensionConfigs: (view: ProxyView) => readonly Resource[] = memo((view: ProxyView) =>
  byName(additions(view, "EXTENSION_CONFIG")),
);
