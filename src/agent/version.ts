import packageJson from "../../package.json" with { type: "json" };

/** Weft's version: what the proxy reports as ISTIO_VERSION. */
export const version: string = packageJson.version;
