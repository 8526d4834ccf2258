import { stringify } from "yaml";
import type { KeyPair } from "../auth/pki.ts";

/** A kubeconfig of one cluster, user and context, with everything inline. */
export function kubeconfigText(options: { name: string; server: string; ca: string; client: KeyPair }): string {
  const { name, server, ca, client } = options;
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    preferences: {},
    clusters: [{ name, cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [
      {
        name,
        user: { "client-certificate-data": base64(client.certificate), "client-key-data": base64(client.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}
