import type { ConfigMap, Node } from "kubernetes-types/core/v1.d.ts";
import type { InjectSettings } from "#inject/inject.ts";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import { completeInjectValues, type InjectValues, parseInjectValues } from "#inject/values.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Connection } from "../connection.ts";
import { treeAt } from "../install/merge.ts";
import { resolveOperatorSpec } from "../install/operator-spec.ts";
import { readUserFile } from "../read-file.ts";
import { UsageError } from "../usage-error.ts";

/** Where the injection settings come from: files where they are named, the cluster's config maps for the rest. */
export interface SettingsSources {
  readonly revision?: string;
  readonly meshConfigFile?: string;
  readonly meshConfigMapName?: string;
  readonly valuesFile?: string;
  readonly injectConfigMapName?: string;
  /** An IstioOperator: values and mesh config at once. */
  readonly operatorFileName?: string;
}

/** Reads the settings. `connect` is called only when something isn't in a file. Throws {@link UsageError}. */
export async function readInjectSettings(
  sources: SettingsSources,
  istioNamespace: string,
  connect: () => Connection,
): Promise<InjectSettings> {
  const suffix = sources.revision && sources.revision !== "default" ? `-${sources.revision}` : "";
  const operator = sources.operatorFileName
    ? resolveOperatorSpec({ files: [sources.operatorFileName], set: [] })
    : undefined;

  let mesh: InjectMeshConfig;
  if (sources.meshConfigFile)
    mesh = parsed(sources.meshConfigFile, readUserFile(sources.meshConfigFile), parseMeshConfig);
  else if (operator) mesh = treeAt(operator, "meshConfig");
  else mesh = await fromConfigMap(connect(), sources.meshConfigMapName ?? `istio${suffix}`, "mesh", parseMeshConfig);

  const parseValues = (text: string): InjectValues => parseInjectValues(text, istioNamespace);
  let values: InjectValues;
  if (sources.valuesFile) values = parsed(sources.valuesFile, readUserFile(sources.valuesFile), parseValues);
  else if (operator) values = completeInjectValues(treeAt(operator, "values"));
  else
    values = await fromConfigMap(
      connect(),
      sources.injectConfigMapName ?? `istio-sidecar-injector${suffix}`,
      "values",
      parseValues,
    );

  const { ENABLE_NATIVE_SIDECARS: enableNativeSidecars, COMPLIANCE_POLICY: compliancePolicy } = values.pilot.env;
  const offline = operator !== undefined || (sources.meshConfigFile !== undefined && sources.valuesFile !== undefined);
  return {
    mesh,
    values,
    revision: sources.revision || values.revision || "default",
    environment: {
      ...(enableNativeSidecars !== undefined && { enableNativeSidecars: String(enableNativeSidecars) }),
      ...(compliancePolicy !== undefined && { compliancePolicy: String(compliancePolicy) }),
    },
    kubeletVersions: offline ? [] : await kubeletVersions(connect()),
  };
}

async function fromConfigMap<T>(
  { client, istioNamespace: namespace }: Connection,
  name: string,
  key: string,
  parse: (text: string) => T,
): Promise<T> {
  const map = await client.find<ConfigMap>(resourceTypes.configMaps, { namespace, name });
  const text = map?.data?.[key];
  if (text === undefined)
    throw new UsageError(
      `ConfigMap ${namespace}/${name} ${map ? `has no key ${key}` : "isn't there"}: is the mesh installed? Try: istioctl install`,
    );
  return parsed(`ConfigMap ${namespace}/${name}`, text, parse);
}

function parsed<T>(where: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new UsageError(`${where}: ${(cause as Error).message}`, { cause });
  }
}

async function kubeletVersions({ client }: Connection): Promise<string[]> {
  const { items } = await client.list<Node>(resourceTypes.nodes);
  return items.map(({ status }) => status?.nodeInfo?.kubeletVersion ?? "");
}
