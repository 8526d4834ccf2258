import type { MessageInitShape } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import type { Permission, PermissionSchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import { each, type Logic, type Say } from "./conjunction.ts";
import {
  anyValue,
  type HeaderMatch,
  headerMatch,
  listValue,
  metadataMatch,
  rangeOf,
  regexMatch,
  textMatch,
  textValue,
} from "./value-match.ts";

export type PermissionInit = Exclude<MessageInitShape<typeof PermissionSchema>, Permission>;

export const permissions: Logic<PermissionInit> = {
  any: { rule: { case: "any", value: true } },
  and: (rules) => ({ rule: { case: "andRules", value: { rules: [...rules] } } }),
  or: (rules) => ({ rule: { case: "orRules", value: { rules: [...rules] } } }),
  not: (value) => ({ rule: { case: "notRule", value } }),
};

function header(value: HeaderMatch): PermissionInit {
  return { rule: { case: "header", value } };
}

/** Attributes of a call that say what is called; those of requests are absent from connections. */
export const requestAttributes: Readonly<Record<"hosts" | "methods" | "paths", Say<PermissionInit>>> = {
  // Names of hosts have no case.
  hosts: each(permissions, (value) => header(headerMatch(":authority", value, true))),
  methods: each(permissions, (value) => header(headerMatch(":method", value))),
  paths: each(permissions, path),
};

/** What stands for one segment of a path, and for any number. */
const templateSegments: Readonly<Record<string, string>> = { "{*}": "[^/]+", "{**}": ".*" };

function path(value: string): PermissionInit {
  if (!value.includes("{*}") && !value.includes("{**}")) {
    return { rule: { case: "urlPath", value: { rule: { case: "path", value: textMatch(value) } } } };
  }
  // Envoy's own templates take in the characters of RFC 3986 alone: who puts another into a path would pass by a DENY.
  const segments = value.split("/").map((segment) => templateSegments[segment] ?? RE2JS.quote(segment));
  return { rule: { case: "urlPath", value: { rule: { case: "path", value: regexMatch(segments.join("/")) } } } };
}

export const ports: Say<PermissionInit> = each(permissions, (value) => {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  return port > 65535 ? undefined : { rule: { case: "destinationPort", value: port } };
});

/** Of the keys of conditions, those that say what is called; undefined for any other. */
export function permissionAttribute(key: string): Say<PermissionInit> | undefined {
  switch (key) {
    case "destination.port":
      return ports;
    case "destination.ip":
      return each(permissions, (text) => {
        const value = rangeOf(text);
        return value && { rule: { case: "destinationIp", value } };
      });
    case "connection.sni":
      return each(permissions, (value) => ({ rule: { case: "requestedServerName", value: textMatch(value) } }));
    default:
      return key.startsWith("experimental.envoy.filters.") ? dynamicMetadata(key) : undefined;
  }
}

/** `experimental.FILTER[KEY]` is what a filter says of the request; a value in brackets is an item of a list. */
function dynamicMetadata(key: string): Say<PermissionInit> {
  const [, filter = "", name = ""] = /^experimental\.([^[]*)\[(.*)\]$/s.exec(key) ?? [];
  return (values) => {
    if (name === "") return undefined;
    const wanted = values.map((value) =>
      value.startsWith("[") && value.endsWith("]")
        ? listValue(textValue(textMatch(value.slice(1, -1))))
        : textValue(textMatch(value)),
    );
    return { rule: { case: "metadata", value: metadataMatch(filter, [name], anyValue(wanted)) } };
  };
}
