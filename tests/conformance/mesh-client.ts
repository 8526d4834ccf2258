import type { ExpectedResponse } from "./cases.ts";
import { judgeHttp } from "./judge.ts";
import { kubectl } from "./kubectl.ts";
import type { Answer } from "./requests.ts";

/** Makes the request from a pod of the mesh, and judges the answer. Without a rewrite, the data has no say in the path. */
export async function callFromMesh(expected: ExpectedResponse, isRewritten: boolean): Promise<void> {
  const fromConsumer = expected.testCaseName?.startsWith("request from consumer route") ?? false;
  const namespace = fromConsumer ? "gateway-conformance-mesh-consumer" : "gateway-conformance-mesh";
  if (expected.request?.protocol === "grpc") return callGrpc(expected, namespace);
  const { host = "echo", path = "/", method = "GET", headers = {} } = expected.request ?? {};
  const options = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const text = await inPod(namespace, [
    "curl",
    "-s",
    "-i",
    "-m",
    "8",
    "-X",
    method,
    ...options,
    `http://${host}${path}`,
  ]);
  // The mesh's echo server doesn't say its namespace.
  const { expectedRequest, ...rest } = expected;
  const wanted =
    isRewritten || !expectedRequest
      ? expected
      : { ...rest, expectedRequest: { ...expectedRequest, request: { ...expectedRequest.request, path } } };
  judgeHttp({ ...wanted, namespace: "" }, parseAnswer(text));
}

async function callGrpc(expected: ExpectedResponse, namespace: string): Promise<void> {
  const { host = "" } = expected.request ?? {};
  const call = [
    "curl",
    "-s",
    "-i",
    "-m",
    "8",
    "--http2-prior-knowledge",
    "-H",
    "content-type: application/grpc",
    "-H",
    "te: trailers",
  ];
  const url = `http://${host}/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo`;
  const answer = await inPod(namespace, [
    "sh",
    "-c",
    `printf '\\0\\0\\0\\0\\0' | ${call.map((word) => `'${word}'`).join(" ")} --data-binary @- -o - '${url}'`,
  ]);
  if (!/grpc-status: 0/.test(answer)) throw new Error(`not gRPC status 0: ${answer.slice(0, 200)}`);
  judgeHttp({ ...expected, request: { method: "HEAD" }, namespace: "" }, parseAnswer(answer));
}

function inPod(namespace: string, command: readonly string[]): Promise<string> {
  return kubectl(["-n", namespace, "exec", "deployment/echo-v1", "-c", "echo", "--", ...command]);
}

function parseAnswer(text: string): Answer {
  const [head = "", body = ""] = text.split(/\r?\n\r?\n/, 2);
  const [first = "", ...lines] = head.split(/\r?\n/);
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(":")).toLowerCase(),
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
  return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(headers) as Record<string, string>, body };
}
