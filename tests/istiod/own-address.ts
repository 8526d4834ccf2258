import { networkInterfaces } from "node:os";

/** For tests: an address of this machine that an EndpointSlice may hold. */
export const ownAddress: string =
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
