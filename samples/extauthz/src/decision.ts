/** Whether a call may pass: its header says so or, without one, it is made by the account that may. Istio: samples/extauthz. */
export function isAllowed(header: string | undefined, principal: string, account: string): boolean {
  return header === undefined ? principal.endsWith(`/sa/${account}`) : header === "allow";
}

export const checkHeader = "x-ext-authz";
export const resultHeader = "x-ext-authz-check-result";
export const receivedHeader = "x-ext-authz-check-received";
export const overrideHeader = "x-ext-authz-additional-header-override";
export const deniedBody: string = `denied by ext_authz for not found header \`${checkHeader}: allow\` in the request`;

/** Envoy takes no longer headers. */
export function shortened(text: string): string {
  return text.length > 60_000 ? "<too-long>" : text;
}
