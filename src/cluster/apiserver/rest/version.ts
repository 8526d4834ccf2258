/** What the server says it is. Native sidecars are injected from 1.33 on, so this decides the shape of pods as well. */
export const serverVersion: Readonly<Record<string, string>> = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.4+weft",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2025-04-22T16:03:16Z",
  goVersion: "node",
  compiler: "node",
  platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
};
