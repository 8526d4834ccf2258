import assert from "node:assert/strict";
import { parseProtocol, portProtocol } from "#model/protocol.ts";
import type { RowCheck } from "./row.ts";

function known(upstream: unknown): unknown {
  return upstream === "UnsupportedProtocol" ? "Unsupported" : upstream;
}

export const protocolRows: Readonly<Record<string, RowCheck>> = {
  TestParse: ({ name, out }) => assert.equal(parseProtocol(String(name)), known(out)),
  TestConvertProtocol: ({ port, portName, proto, appProto, expectedProto }) => {
    const given = {
      port: Number(port ?? 0),
      name: portName as string | undefined,
      protocol: proto as string | undefined,
      appProtocol: appProto as string | undefined,
    };
    assert.equal(portProtocol(given), known(expectedProto));
  },
};
