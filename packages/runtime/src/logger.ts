import winston from "winston";

/** Values of one log event. Names and ids, never a token, code, secret, password, cookie or whole record. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line per event worth waking for or searching for. `error` means that a person must act. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/**
 * Writes `LEVEL: event {fields as JSON}` to standard error, one line per event. Fields are JSON, so a newline, an escape
 * sequence or a direction mark in a hostile value cannot forge a line (LOG-3).
 */
export function makeLogger(options: { debug: boolean; timestamps: boolean }): Logger {
  const line = winston.format.printf(({ level, message, fields, timestamp }) => {
    const time = timestamp === undefined ? "" : `${String(timestamp)} `;
    return `${time}${level.toUpperCase()}: ${escapeControl(String(message))}${renderFields(fields)}`;
  });
  const formats = options.timestamps ? [winston.format.timestamp(), line] : [line];
  const logger = winston.createLogger({
    level: options.debug ? "debug" : "info",
    format: winston.format.combine(...formats),
    transports: [new winston.transports.Stream({ stream: process.stderr })],
  });
  const write = (level: string) => (event: string, fields?: LogFields) =>
    void logger.log({ level, message: event, fields });
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** A logger that keeps nothing, for tests and tools. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * What a log may say of an error: kind, message and causes, then the stack. Not its other properties: a database error
 * carries the statement and its values.
 */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const chain: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && chain.length < 8; cause = cause.cause) {
    chain.push(`${cause.name}: ${cause.message}`);
  }
  return { error: chain.join(" <- "), stack: error.stack };
}

function renderFields(fields: unknown): string {
  if (typeof fields !== "object" || fields === null || Object.keys(fields).length === 0) return "";
  return ` ${escapeControl(JSON.stringify(fields))}`;
}

// Controls, line and paragraph separators, and format characters such as the marks that reorder text on a terminal.
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escapeControl(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`);
}
