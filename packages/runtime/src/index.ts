export {
  addSeconds,
  type Clock,
  type FollowingClock,
  makeFollowingClock,
  systemClock,
  toEpochSeconds,
} from "./clock.ts";
export { decodeBase64Url, equalInConstantTime, sha256 } from "./digest.ts";
export { parseDuration } from "./duration.ts";
export { type HttpServer, openHttpServer } from "./http-server.ts";
export type { Json, JsonObject } from "./json.ts";
export { describeError, type LogFields, type Logger, makeLogger, silentLogger } from "./logger.ts";
export { isLoopback } from "./loopback.ts";
export {
  exchange,
  OUTBOUND_LIMITS,
  OutboundFailure,
  type OutboundLimits,
  type OutboundRequest,
} from "./outbound/exchange.ts";
export {
  type FetchDocument,
  type FetchedDocument,
  makeOutgoingClient,
  type OutgoingClient,
  type PostForm,
  type PostJson,
} from "./outbound/outgoing-client.ts";
export { type Random, systemRandom } from "./random.ts";
export { MAX_BODY_BYTES, type RequestBody, readRequestBody } from "./request-body.ts";
export { deriveKeys, KEY_SECRET_BYTES, type KeySecrets, makeSealer, type OpenedSeal, type Sealer } from "./sealing.ts";
export { Secret } from "./secret.ts";
export {
  base64Secrets,
  base64Texts,
  commaList,
  httpUrl,
  integer,
  oneOf,
  optionalSetting,
  type Program,
  postgresUrl,
  readSettings,
  redisUrl,
  requiredSetting,
  type Setting,
  type SettingsOf,
  type SettingsResult,
  seconds,
  secretText,
  setting,
  text,
  toggle,
  type ValueKind,
} from "./settings.ts";
export { type ClosingStep, closeOnSignal } from "./shutdown.ts";
export { VERSION } from "./version.ts";
