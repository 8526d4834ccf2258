import pino from "pino";

/** Fields first in meaning, message constant: `log.info("pushed", { proxy, type, nonce })`. */
export interface Log {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
  /** A log whose every line also carries `fields`. */
  with(fields: object): Log;
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}

/** One JSON object a line, to standard error; level from `WEFT_LOG` (debug, info, warn, error). */
export function createLog(scope: string): Log {
  const logger = pino(
    {
      level: process.env["WEFT_LOG"] ?? "info",
      base: { scope },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return wrap(logger);
}

/** Swallows everything: for pure tests and for library callers that want quiet. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};
