import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { callHeaders, connectTo } from "./istiod-connection.ts";
import type { AgentSettings } from "./settings.ts";

/** One connection to istiod for all streams of the agent. */
export interface SharedSession {
  /** Starts a call, on a new connection if there is none. Rejects with the reason why there can't be. */
  open(path: string): Promise<ClientHttp2Stream>;
}

/** The connection is there as long as there are streams. */
export function shareSession(settings: AgentSettings): SharedSession {
  let current: { readonly session: Promise<ClientHttp2Session>; users: number } | undefined;

  return {
    async open(path) {
      const connection = (current ??= { session: connectTo(settings.discovery), users: 0 });
      const forget = (): void => {
        if (current === connection) current = undefined;
      };
      connection.users += 1;
      let session: ClientHttp2Session | undefined;
      const release = (): void => {
        connection.users -= 1;
        if (connection.users > 0) return;
        forget();
        session?.destroy();
      };
      try {
        session = await connection.session;
        session.once("close", forget);
        // No more streams are taken; those that are open go on.
        session.once("goaway", forget);
        const stream = session.request(callHeaders(settings, path));
        stream.once("close", release);
        return stream;
      } catch (error) {
        forget();
        release();
        throw error;
      }
    },
  };
}
