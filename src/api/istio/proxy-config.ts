import type { IstioObject } from "./object.ts";

export type ProxyConfigResource = IstioObject<ProxyConfigSpec>;

/** The kind `ProxyConfig`; the settings of the same name in the mesh config have more. */
export interface ProxyConfigSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly concurrency?: number;
  readonly environmentVariables?: Readonly<Record<string, string>>;
  readonly image?: { readonly imageType?: string };
}
