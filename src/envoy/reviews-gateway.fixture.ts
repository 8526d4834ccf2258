import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { bookinfo, destinationRule, gateway, keyed, pod } from "./bookinfo.fixture.ts";
import { freePort, listening, loopbackSlice, runGateway } from "./running-gateway.fixture.ts";

export interface ReviewsGateway {
  readonly port: number;
  stop(): Promise<void>;
}

const versions = ["v1", "v2"];

/** An Envoy as Gateway `front`, before a server for each of the subsets `v1` and `v2` of `reviews`. */
export async function runReviewsGateway(
  virtualServices: readonly VirtualService[],
  answer: (version: string, request: IncomingMessage, response: ServerResponse) => void,
): Promise<ReviewsGateway> {
  const backends = versions.map((version) => createServer((request, response) => answer(version, request, response)));
  const slices = backends.map(async (backend, index) =>
    loopbackSlice("reviews", `reviews-${versions[index]}`, await listening(backend)),
  );
  const port = await freePort();
  const server = { port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" };
  const subsets = versions.map((version) => ({ name: version, labels: { version } }));
  const input = bookinfo({
    pods: keyed(versions.map((version) => pod(`reviews-${version}`, "127.0.0.1", { version }))),
    endpointSlices: keyed(await Promise.all(slices)),
    virtualServices: keyed(virtualServices),
    destinationRules: keyed([destinationRule("reviews", { host: "reviews", subsets })]),
    gateways: keyed([gateway("front", { selector: { istio: "ingressgateway" }, servers: [server] })]),
  });
  const running = await runGateway(input, port);
  return {
    port,
    async stop() {
      await running.stop();
      for (const backend of backends) backend.close().closeAllConnections();
    },
  };
}
