type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where another app is: `NAME`, or `NAME_HOSTNAME`; in `SERVICES_DOMAIN` when that is set; port `NAME_SERVICE_PORT`, else 9080.
 * The variables are those of the original apps; the last one Kubernetes sets, too.
 */
export function serviceUrl(name: "details" | "ratings" | "reviews", env: Env): string {
  const prefix = name.toUpperCase();
  const domain = env["SERVICES_DOMAIN"] ? `.${env["SERVICES_DOMAIN"]}` : "";
  const host = env[`${prefix}_HOSTNAME`] || name;
  const port = env[`${prefix}_SERVICE_PORT`] || "9080";
  return `http://${host}${domain}:${port}/${name}`;
}
