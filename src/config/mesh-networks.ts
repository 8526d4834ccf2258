import { isSubnet } from "#model/ip.ts";
import type { MeshNetwork } from "#model/mesh-networks.ts";
import { formatFieldError } from "./field-error.ts";
import { integer, list, map, object, text } from "./schema/build.ts";
import { checkSchema } from "./schema/check.ts";
import { withoutNulls } from "./without-nulls.ts";

const network = object({
  endpoints: list(object({ fromCidr: text(), fromRegistry: text() })),
  gateways: list(
    object(
      {
        address: text(),
        registryServiceName: text(),
        port: integer(undefined, { minimum: 1, maximum: 65535 }),
        locality: text(),
      },
      { required: ["port"] },
    ),
  ),
});
const schema = object({ networks: map(network) });

interface RawNetworks {
  readonly networks?: Readonly<Record<string, RawNetwork>>;
}

interface RawNetwork {
  readonly endpoints?: readonly { readonly fromCidr?: string; readonly fromRegistry?: string }[];
  readonly gateways?: readonly {
    readonly address?: string;
    readonly registryServiceName?: string;
    readonly port: number;
  }[];
}

/** By name, from Istio's MeshNetworks in its JSON form. Throws an Error that names field and value for what can't be used. */
export function readMeshNetworks(given: Readonly<Record<string, unknown>>): readonly MeshNetwork[] {
  const [error] = checkSchema(schema, given, "meshNetworks");
  if (error) throw new Error(formatFieldError(error));
  const { networks = {} } = withoutNulls(given) as RawNetworks;
  const names = Object.keys(networks).sort();
  return Object.freeze(names.map((name) => readNetwork(name, networks[name] ?? {})));
}

function readNetwork(name: string, { endpoints = [], gateways = [] }: RawNetwork): MeshNetwork {
  const cidrs = endpoints.flatMap(({ fromCidr }) => fromCidr || []);
  const wrong = cidrs.find((cidr) => !isSubnet(cidr));
  if (wrong !== undefined) {
    throw new Error(
      `meshNetworks.networks.${name}.endpoints: ${JSON.stringify(wrong)}: must be a range of IP addresses`,
    );
  }
  return Object.freeze({
    name,
    cidrs,
    clusters: endpoints.flatMap(({ fromRegistry }) => fromRegistry || []),
    gateways: gateways.map(({ address, registryServiceName, port }) => ({
      port,
      ...(address ? { address } : {}),
      ...(registryServiceName ? { service: registryServiceName } : {}),
    })),
  });
}
