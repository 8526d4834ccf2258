/** Who a request is from, as Kubernetes' `authentication.k8s.io` UserInfo. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const anonymous: UserInfo = { username: "system:anonymous", groups: ["system:unauthenticated"] };

export const authenticatedGroup = "system:authenticated";
export const mastersGroup = "system:masters";
