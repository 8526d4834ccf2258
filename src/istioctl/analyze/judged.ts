import type { GatewayApiObject, ResourceCondition } from "#api/gateway-api/object.ts";

interface Judged {
  readonly conditions?: readonly ResourceCondition[];
  readonly parents?: readonly Pick<Judged, "conditions">[];
}

/** Whether a controller has said in its status what it thinks of a resource as it stands. */
export function isJudged({ metadata, status }: GatewayApiObject<unknown>): boolean {
  const { conditions = [], parents = [] } = (status ?? {}) as Judged;
  const all = [...conditions, ...parents.flatMap((parent) => parent.conditions ?? [])];
  return metadata.generation !== undefined && all.some((one) => one.observedGeneration === metadata.generation);
}
