import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import type { Image } from "./seams.ts";

/** Who a container's processes are. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

export interface PasswdEntry {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Reads passwd(5). */
export function parsePasswd(text: string): readonly PasswdEntry[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 6)
    .map(([, , uid, gid, , home]) => ({ uid: Number(uid), gid: Number(gid), home: home ?? "/" }));
}

/** The container's settings go before the pod's, those before the image's. */
export function identityOf(pod: Pod, container: Container, image: Image, users: readonly PasswdEntry[]): Identity {
  const ofPod = pod.spec?.securityContext;
  const ofContainer = container.securityContext;
  const uid = ofContainer?.runAsUser ?? ofPod?.runAsUser ?? image.uid ?? 0;
  const user = users.find((entry) => entry.uid === uid);
  const gidOfUser = uid === image.uid ? (image.gid ?? user?.gid) : user?.gid;
  const gid = ofContainer?.runAsGroup ?? ofPod?.runAsGroup ?? gidOfUser ?? 0;
  const groups = [...(ofPod?.supplementalGroups ?? []), ...(ofPod?.fsGroup === undefined ? [] : [ofPod.fsGroup])];
  return { uid, gid, additionalGids: [...new Set(groups)], home: user?.home ?? "/" };
}

/** Why the container may not run as this user; undefined when it may. */
export function identityProblem(pod: Pod, container: Container, identity: Identity): string | undefined {
  const mustNotBeRoot = container.securityContext?.runAsNonRoot ?? pod.spec?.securityContext?.runAsNonRoot ?? false;
  if (!mustNotBeRoot || identity.uid !== 0) return undefined;
  return (
    `container ${container.name} has runAsNonRoot, but would run as root: ` +
    "set securityContext.runAsUser, as the image doesn't name another user"
  );
}
