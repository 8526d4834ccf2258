import type { KubeTransport } from "#kube/transport.ts";
import type { UserInfo } from "../auth/user.ts";
import type { Handler } from "../rest/handler.ts";

const never = new AbortController().signal;

/** Requests of the same process: no socket, no certificate, the same handler. */
export function inProcess(handle: Handler, user: UserInfo): KubeTransport {
  return async (request) => {
    request.signal?.throwIfAborted();
    const response = await handle({
      method: request.method,
      path: request.path,
      query: new URLSearchParams(request.query),
      headers: request.headers ?? {},
      body: (async function* () {
        if (request.body !== undefined) yield Buffer.from(request.body);
      })(),
      user,
      signal: request.signal ?? never,
    });
    const { body } = response;
    const chunks =
      typeof body === "string"
        ? (async function* () {
            if (body !== "") yield Buffer.from(body);
          })()
        : body;
    return { status: response.status, headers: response.headers, body: chunks };
  };
}
