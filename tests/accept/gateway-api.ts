import { join } from "node:path";
import conversion from "./gateway-api/conversion.ts";
import deploymentController from "./gateway-api/deployment-controller.ts";
import ingress from "./gateway-api/ingress.ts";
import type { AcceptCase } from "./suite.ts";

const suites = { conversion, "deployment-controller": deploymentController, ingress };

/** The cases of each folder, under its name. */
export default async function gatewayApi(folder: string): Promise<readonly AcceptCase[]> {
  const groups = await Promise.all(
    Object.entries(suites).map(async ([name, suite]) =>
      (await suite(join(folder, name))).map((one) => ({ ...one, name: `${name}/${one.name}` })),
    ),
  );
  return groups.flat();
}
