import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "#api/envoy/gen/envoy/service/discovery/v3/discovery_pb.js";
import { silentLog } from "#log/log.ts";
import { type AdsStream, createAdsStream } from "./ads-stream.ts";
import type { View, XdsClient } from "./client.ts";
import type { PushScope } from "./push-scope.ts";
import { shortTypeName } from "./resource.ts";
import type { VariantName } from "./variant.ts";

/** For tests: resources by type and name; the content is the version. */
export class TestWorld {
  readonly #types = new Map<string, Map<string, string>>();
  clock: number = 0;

  set(typeUrl: string, resources: Readonly<Record<string, string>>): void {
    this.#types.set(typeUrl, new Map(Object.entries(resources)));
  }

  view(): View {
    const types = new Map([...this.#types].map(([type, resources]) => [type, new Map(resources)]));
    return {
      version: "1",
      generate: (typeUrl, names) => ({
        shared: [],
        own: [...(types.get(typeUrl) ?? [])]
          .filter(([name]) => !names || names.has(name))
          .map(([name, version]) => ({ name, version, any: encodeAny(typeUrl, `${name}=${version}`) }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      }),
    };
  }
}

function encodeAny(typeUrl: string, value: string): Uint8Array {
  const part = (field: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([field * 8 + 2, bytes.length]), bytes]);
  return Buffer.concat([part(1, Buffer.from(typeUrl)), part(2, Buffer.from(value))]);
}

/** What a client keeps between streams: name to version by type. */
export type Held = Map<string, Map<string, string>>;

/**
 * For tests: a well-behaved client of one stream, in either variant, over memory. It encodes with the generated types, so that
 * the codec of this folder is checked against them.
 */
export class TestClient {
  readonly stream: AdsStream;
  /** Everything that came, as `cds +a +b -c`, in order. */
  readonly seen: string[] = [];
  readonly held: Held;
  readonly events: string[] = [];
  /** Responses are answered at once, unless false. */
  answers: boolean = true;
  /** Names that are rejected when they come. */
  readonly rejects: Set<string> = new Set();
  readonly #variant: VariantName;
  readonly #names = new Map<string, Set<string>>();
  readonly #nonces = new Map<string, string>();
  readonly #sotwVersions: Map<string, string>;
  #isFirst = true;
  #inbox: Uint8Array[] = [];
  #wanted = false;

  constructor(variant: VariantName, world: TestWorld, before?: TestClient) {
    this.#variant = variant;
    this.held = new Map(before?.held);
    this.#sotwVersions = new Map(before ? before.#sotwVersions : []);
    const client: XdsClient = {
      id: "test",
      view: () => world.view(),
      onRejected: ({ typeUrl }, { names, message }) =>
        this.events.push(`rejected ${shortTypeName(typeUrl)} ${names.join(",")}: ${message}`),
      onConverged: () => this.events.push("converged"),
    };
    this.stream = createAdsStream(variant, {
      log: silentLog,
      controlPlane: "istiod",
      connectionId: "c",
      open: () => client,
      send: (pieces) => {
        this.#inbox.push(Buffer.concat(pieces));
        return true;
      },
      wantPush: () => {
        this.#wanted = true;
      },
      onPushDone: () => {},
      now: () => world.clock,
    });
  }

  /** Asks for names besides those it has; none on the first call means everything. */
  async subscribe(typeUrl: string, ...names: string[]): Promise<void> {
    const isNew = !this.#names.has(typeUrl);
    const mine = this.#names.get(typeUrl) ?? new Set();
    this.#names.set(typeUrl, mine);
    for (const name of names) mine.add(name);
    await this.#request(typeUrl, { subscribe: names, isNew });
  }

  async unsubscribe(typeUrl: string, ...names: string[]): Promise<void> {
    for (const name of names) {
      this.#names.get(typeUrl)?.delete(name);
      this.held.get(typeUrl)?.delete(name);
    }
    await this.#request(typeUrl, { unsubscribe: names });
  }

  async push(scope: PushScope = "all"): Promise<void> {
    this.stream.schedule(scope);
    await this.settle();
  }

  /** Takes what came since the last call. */
  take(): string[] {
    return this.seen.splice(0);
  }

  async settle(): Promise<void> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) await this.#read(message);
      else if (this.#wanted) {
        this.#wanted = false;
        this.stream.runPush();
      } else return;
    }
  }

  async #request(
    typeUrl: string,
    change: {
      readonly subscribe?: readonly string[];
      readonly unsubscribe?: readonly string[];
      readonly isNew?: boolean;
      readonly nonce?: string;
      readonly error?: string;
    },
  ): Promise<void> {
    const node = this.#isFirst ? { node: { id: "sidecar~10.0.0.1~a.b~b.svc.cluster.local" } } : {};
    this.#isFirst = false;
    const errorDetail = change.error ? { errorDetail: { code: 13, message: change.error } } : {};
    const bytes =
      this.#variant === "sotw"
        ? toBinary(
            DiscoveryRequestSchema,
            create(DiscoveryRequestSchema, {
              typeUrl,
              resourceNames: [...(this.#names.get(typeUrl) ?? [])],
              responseNonce: this.#nonces.get(typeUrl) ?? "",
              versionInfo: this.#sotwVersions.get(typeUrl) ?? "",
              ...node,
              ...errorDetail,
            }),
          )
        : toBinary(
            DeltaDiscoveryRequestSchema,
            create(DeltaDiscoveryRequestSchema, {
              typeUrl,
              resourceNamesSubscribe: [...(change.subscribe ?? [])],
              resourceNamesUnsubscribe: [...(change.unsubscribe ?? [])],
              initialResourceVersions: change.isNew ? Object.fromEntries(this.held.get(typeUrl) ?? []) : {},
              responseNonce: change.nonce ?? "",
              ...node,
              ...errorDetail,
            }),
          );
    await this.stream.receive(bytes);
    await this.settle();
  }

  async #read(bytes: Uint8Array): Promise<void> {
    const response =
      this.#variant === "sotw"
        ? { removedResources: [], ...fromBinary(DiscoveryResponseSchema, bytes) }
        : fromBinary(DeltaDiscoveryResponseSchema, bytes);
    const typeUrl = response.typeUrl;
    this.#nonces.set(typeUrl, response.nonce);
    const contents = response.resources
      .map((entry) => (entry.$typeName === "google.protobuf.Any" ? entry : entry.resource))
      .map(
        (any) =>
          Buffer.from(any?.value ?? [])
            .toString()
            .split("=") as [string, string],
      );
    this.seen.push(
      [
        shortTypeName(typeUrl),
        ...contents.map(([name]) => `+${name}`),
        ...response.removedResources.map((name) => `-${name}`),
      ].join(" "),
    );
    if (!this.answers) return;
    const bad = contents.filter(([name]) => this.rejects.has(name)).map(([name]) => name);
    if (bad.length > 0) return await this.#request(typeUrl, { nonce: response.nonce, error: `bad ${bad.join(" ")}` });
    const held = this.held.get(typeUrl) ?? new Map<string, string>();
    this.held.set(typeUrl, held);
    for (const [name, version] of contents) held.set(name, version);
    for (const name of response.removedResources) held.delete(name);
    if ("versionInfo" in response) this.#sotwVersions.set(typeUrl, response.versionInfo);
    await this.#request(typeUrl, { nonce: response.nonce });
  }
}
