import { createHmac, timingSafeEqual } from "node:crypto";

const cookieName = "session";
const maxNameLength = 100;

/** Who has signed in, kept in a signed cookie: any replica can read what another one wrote. */
export interface Sessions {
  userOf(cookieHeader: string | undefined): string | undefined;
  /** A `Set-Cookie` value. */
  start(user: string): string;
  end(): string;
}

export function createSessions(secret: string): Sessions {
  const sign = (text: string): string => createHmac("sha256", secret).update(text).digest("base64url");
  return {
    userOf(cookieHeader) {
      for (const part of (cookieHeader ?? "").split(";")) {
        const [name, value = ""] = part.trim().split("=", 2);
        if (name !== cookieName) continue;
        const [text = "", signature = ""] = value.split(".");
        const wanted = Buffer.from(sign(text));
        const given = Buffer.from(signature);
        if (wanted.length === given.length && timingSafeEqual(wanted, given))
          return Buffer.from(text, "base64url").toString("utf8");
      }
      return undefined;
    },
    start(user) {
      const text = Buffer.from(user.slice(0, maxNameLength)).toString("base64url");
      return `${cookieName}=${text}.${sign(text)}; Path=/; HttpOnly; SameSite=Lax`;
    },
    end: () => `${cookieName}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`,
  };
}
