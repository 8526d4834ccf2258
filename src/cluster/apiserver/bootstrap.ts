import { bootstrapRoles } from "./auth/bootstrap-roles.ts";
import { mastersGroup } from "./auth/user.ts";
import type { Core } from "./core.ts";
import { firstAddress } from "./kinds/address-range.ts";
import type { Obj } from "./object.ts";
import type { Handler } from "./rest/handler.ts";

const system = { username: "system:apiserver", groups: [mastersGroup] };

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What every cluster has from its first start: namespaces, roles, and the `kubernetes` service with where it leads. */
export async function bootstrap(core: Core, handle: Handler, endpoint: Endpoint): Promise<void> {
  const namespaceObjects = ["default", "kube-system", "kube-public", "kube-node-lease"].map((name) => ({
    path: "/api/v1/namespaces",
    object: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
  }));
  const roleObjects = bootstrapRoles.map((object) => ({
    path: `/apis/rbac.authorization.k8s.io/v1/${object.kind.toLowerCase()}s`,
    object,
  }));
  for (const { path, object } of [...namespaceObjects, ...roleObjects]) await ensure(core, handle, path, object, false);

  const labels = { component: "apiserver", provider: "kubernetes" };
  const metadata = { name: "kubernetes", namespace: "default" };
  const inDefault = "/api/v1/namespaces/default";
  await ensure(
    core,
    handle,
    `${inDefault}/services`,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, labels },
      spec: {
        clusterIP: firstAddress(core.network.serviceCidr),
        ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: endpoint.port }],
      },
    },
    true,
  );
  await ensure(
    core,
    handle,
    `${inDefault}/endpoints`,
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
      subsets: [
        { addresses: [{ ip: endpoint.address }], ports: [{ name: "https", port: endpoint.port, protocol: "TCP" }] },
      ],
    },
    true,
  );
  await ensure(
    core,
    handle,
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [endpoint.address], conditions: { ready: true } }],
      ports: [{ name: "https", port: endpoint.port, protocol: "TCP" }],
    },
    true,
  );
}

/** Creates the object; with `keep`, makes one that is there like it (server-side apply). */
async function ensure(core: Core, handle: Handler, path: string, object: Obj | object, keep: boolean): Promise<void> {
  const { name } = (object as Obj).metadata;
  const send = (method: string, to: string, query: string, type: string) =>
    handle({
      method,
      path: to,
      query: new URLSearchParams(query),
      headers: { "content-type": type, "user-agent": "kube-apiserver" },
      body: (async function* () {
        yield Buffer.from(JSON.stringify(object));
      })(),
      user: system,
      signal: new AbortController().signal,
    });
  const response = keep
    ? await send("PATCH", `${path}/${name}`, "fieldManager=kube-apiserver&force=true", "application/apply-patch+yaml")
    : await send("POST", path, "", "application/json");
  if (response.status >= 400 && response.status !== 409) {
    const text = typeof response.body === "string" ? response.body : "";
    core.log.error("could not make an object that every cluster has", { path, name, answer: text });
    throw new Error(`making ${path}/${name} failed: ${text}`);
  }
}
