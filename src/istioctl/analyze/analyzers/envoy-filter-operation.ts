import type { ConfigPatch } from "#api/istio/envoy-filter.ts";
import type { Analyzer } from "../analyzer.ts";
import type { Mesh } from "../mesh.ts";
import { type Message, type MessageName, message } from "../message.ts";

/** Operations that hang on what is there already, and so on patches that came before. */
const relative: ReadonlySet<string> = new Set(["REMOVE", "REPLACE", "INSERT_BEFORE", "INSERT_AFTER", "MERGE"]);
const orderless: ReadonlySet<string> = new Set(["ROUTE_CONFIGURATION", "HTTP_ROUTE"]);
const replaceable: ReadonlySet<string> = new Set(["NETWORK_FILTER", "HTTP_FILTER"]);

export const envoyFilterOperation: Analyzer = {
  name: "envoyfilter.EnvoyPatchAnalyzer",
  description: "the operations of EnvoyFilters go with what they patch, and their order is sure",
  needs: "config",
  analyze({ envoyFilters }) {
    /** What patches for proxies of one version are about: after an upgrade they may not be there. */
    const versioned = new Set<string>();
    return envoyFilters.flatMap((resource) =>
      (resource.spec?.configPatches ?? []).flatMap((patch, index) => {
        const found = check(resource, patch, index, versioned);
        if (patch.match?.proxy?.proxyVersion) versioned.add(subject(patch));
        return found;
      }),
    );
  },
};

function check(
  resource: Mesh["envoyFilters"][number],
  patch: ConfigPatch,
  index: number,
  versioned: ReadonlySet<string>,
): Message[] {
  const { applyTo = "INVALID" } = patch;
  const { operation = "INVALID" } = patch.patch ?? {};
  const tell = (name: MessageName, text: string): Message[] => [
    message(name, resource, `spec.configPatches[${index}].patch.operation`, text),
  ];
  if (orderless.has(applyTo) && operation === "ADD")
    return tell("EnvoyFilterUsesAddOperationIncorrectly", `ADD isn't meant for ${applyTo}: merge into it`);
  if (orderless.has(applyTo) && operation === "REMOVE")
    return tell("EnvoyFilterUsesRemoveOperationIncorrectly", `REMOVE isn't meant for ${applyTo}`);
  if (operation === "REPLACE" && !replaceable.has(applyTo))
    return tell("EnvoyFilterUsesReplaceOperationIncorrectly", `REPLACE is for HTTP_FILTER and NETWORK_FILTER only`);
  if (!relative.has(operation) || (resource.spec?.priority ?? 0) !== 0) return [];
  const text = `${operation} hangs on what was patched before: set spec.priority, or use INSERT_FIRST or ADD`;
  return tell(
    versioned.has(subject(patch))
      ? "EnvoyFilterUsesRelativeOperationWithProxyVersion"
      : "EnvoyFilterUsesRelativeOperation",
    text,
  );
}

/** What a patch puts in, or else the filter that it looks for. */
function subject({ match, patch }: ConfigPatch): string {
  const { name } = (patch?.value ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? name : (match?.listener?.filterChain?.filter?.name ?? "");
}
