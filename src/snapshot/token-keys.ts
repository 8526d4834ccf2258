/** A JSON Web Key Set. The same object as long as it says the same. */
export interface Keys {
  readonly text: string;
}

/** Who reads keys that are at a URL: `hybrid` is Envoy where the URL is a service of the mesh's, and istiod elsewhere. */
export type KeyReader = "istiod" | "hybrid" | "envoy";

/** Keys that tokens are checked with, as far as they aren't in the rules themselves. */
export interface TokenKeys {
  readonly reader: KeyReader;
  /** What istiod has read, by `sourceId` of its source. */
  readonly read: ReadonlyMap<string, Keys>;
}

export const noTokenKeys: TokenKeys = Object.freeze({ reader: "istiod", read: new Map() });
