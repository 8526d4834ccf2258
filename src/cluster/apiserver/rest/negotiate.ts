import type { ApiRequest } from "./request.ts";

/** How the client wants objects: as they are, as table rows, or their metadata only. */
export type View = "object" | "table" | "metadata";

export interface Accepted {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The media types of an Accept header in the order given. */
export function acceptedTypes(request: ApiRequest): Accepted[] {
  const header = request.headers["accept"] ?? "*/*";
  return header
    .slice(0, 4096)
    .split(",")
    .map((part) => {
      const [type = "", ...rest] = part.split(";").map((piece) => piece.trim());
      const parameters: Record<string, string> = {};
      for (const pair of rest) {
        const [name = "", value = ""] = pair.split("=");
        parameters[name.trim()] = value.trim();
      }
      return { type: type.toLowerCase(), parameters };
    });
}

const views: Record<string, View> = {
  Table: "table",
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadata",
};

/** The first form asked for that we have. Protobuf is answered in JSON, as a client that asks for it reads both. */
export function viewOf(request: ApiRequest): View {
  for (const { type, parameters } of acceptedTypes(request)) {
    if (type !== "application/json" && type !== "application/*" && type !== "*/*") continue;
    const { as } = parameters;
    if (as === undefined) return "object";
    const view = views[as];
    if (view && (parameters["g"] ?? "meta.k8s.io") === "meta.k8s.io" && (parameters["v"] ?? "v1") === "v1") return view;
  }
  return "object";
}
