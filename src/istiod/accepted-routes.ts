import { type ConfigSource, configSources } from "#status/config-sources.ts";
import { WireReader, wireType } from "#xds/protobuf-wire.ts";

/** Forms of one table that are kept; proxies of other namespaces and labels have other ones. */
const formsKept = 8;
const tablesKept = 5_000;

/**
 * Route tables as proxies took them in. Envoy refuses a table as a whole, so what is wrong in it is found by what isn't in any that
 * was taken.
 */
export class AcceptedRoutes {
  /** Encoded, by name, the newest last. */
  readonly #tables = new Map<string, readonly Uint8Array[]>();

  /** `any` is an encoded `google.protobuf.Any`. */
  note(name: string, any: Uint8Array): void {
    const forms = this.#tables.get(name) ?? [];
    if (forms.includes(any)) return;
    this.#tables.set(name, [...forms, any].slice(-formsKept));
    if (this.#tables.size <= tablesKept) return;
    const [oldest] = this.#tables.keys();
    if (oldest !== undefined) this.#tables.delete(oldest);
  }

  /** What a refused table's routes come from that nobody took yet; from what all come if that isn't known. */
  suspects(name: string, any: Uint8Array): readonly ConfigSource[] {
    const taken = (this.#tables.get(name) ?? []).flatMap(hostsOf);
    const routes = new Set(taken.flatMap((host) => host.routes.map(textOf)));
    const shells = new Set(taken.map(({ shell }) => shell));
    const found = hostsOf(any).flatMap((host) => {
      const unknown = host.routes.filter((route) => !routes.has(textOf(route)));
      if (unknown.length > 0) return unknown.flatMap(configSources);
      return shells.has(host.shell) ? [] : host.routes.flatMap(configSources);
    });
    if (found.length === 0) return configSources(any);
    return [...new Map(found.map((source) => [JSON.stringify(source), source])).values()];
  }
}

interface EncodedHost {
  readonly routes: readonly Uint8Array[];
  /** All but the routes. */
  readonly shell: string;
}

/** The virtual hosts of an encoded table. */
function hostsOf(any: Uint8Array): readonly EncodedHost[] {
  return fieldsOf(any, 2)
    .of.flatMap((table) => fieldsOf(table, 2).of)
    .map((host) => {
      const { of, others } = fieldsOf(host, 3);
      return { routes: of, shell: others.map(textOf).join("\n") };
    });
}

/** The values of that field of a message, and those of its other fields. */
function fieldsOf(message: Uint8Array, wanted: number) {
  const of: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  const reader = new WireReader(message);
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (next.type !== wireType.bytes) reader.skip(next.type);
    else if (next.field === wanted) of.push(reader.bytes());
    else others.push(reader.bytes());
  }
  return { of, others };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
