import type { TLSSocket } from "node:tls";
import type { Tokens } from "../auth/tokens.ts";
import { anonymous, authenticatedGroup, type UserInfo } from "../auth/user.ts";

const bySocket = new WeakMap<object, UserInfo | undefined>();

/** CN names the user, every O a group; only of a certificate that our CA signed. */
function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (bySocket.has(socket)) return bySocket.get(socket);
  let user: UserInfo | undefined;
  if (socket.authorized) {
    const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string; O?: string | string[] } };
    if (subject?.CN) user = { username: subject.CN, groups: [...[subject.O ?? []].flat(), authenticatedGroup] };
  }
  bySocket.set(socket, user);
  return user;
}

/** Who sends this; undefined for a token that isn't good (401). Without any credential: anonymous. */
export async function authenticate(
  socket: TLSSocket,
  authorization: string | undefined,
  tokens: Tokens,
): Promise<UserInfo | undefined> {
  const user = certificateUser(socket);
  if (user) return user;
  const token = /^Bearer\s+(?<token>\S+)$/i.exec(authorization ?? "")?.groups?.["token"];
  if (token === undefined) return anonymous;
  return (await tokens.verify(token, [tokens.issuer]))?.user;
}
