import { isIP } from "node:net";

/** Whether `text` is an IP address, or a range of them in CIDR form. */
export function isSubnet(text: string): boolean {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (length === undefined) return true;
  return /^\d{1,3}$/.test(length) && Number(length) <= (family === 6 ? 128 : 32);
}

/** The parts of `127.0.0.1:80`, `[::1]:80` or `:80`; `undefined` for anything else. */
export function parseEndpointAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, v6, v4 = "", port = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,9})$/.exec(text) ?? [];
  return port === "" ? undefined : { host: v6 ?? v4, port: Number(port) };
}
