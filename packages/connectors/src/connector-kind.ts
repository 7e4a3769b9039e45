// What a kind of connector offers to the registry, and what it is handed when one of it is opened.
import type { Clock, JsonObject, Logger, Random } from "@dex/runtime";
import * as z from "zod";
import type { Connector, LoginOutcome, StoredConnector } from "./connector.ts";

/** Checks a name and password against our own users. Made by `users`, handed to the `local` connector. */
export type PasswordCheck = (input: {
  readonly connectorId: string;
  readonly login: string;
  readonly password: string;
  readonly source: string;
  readonly now: Date;
}) => Promise<LoginOutcome>;

/**
 * Counts an attempt at somebody's password before the upstream is shown it, and says whether it may be. Made by `users`,
 * for connectors that take a password but do not check it themselves.
 */
export type AttemptAdmission = (attempt: {
  readonly connectorId: string;
  readonly remoteId: string;
  readonly source: string;
  readonly now: Date;
}) => Promise<{ readonly kind: "try" } | { readonly kind: "throttled"; readonly retryAfterSeconds: number }>;

/**
 * Remembers `key` until `until`: true for the first caller, on whichever worker, and false for all others. Only for what
 * a verified signature covers: nothing unauthenticated writes.
 */
export type UseOnce = (key: string, until: Date) => Promise<boolean>;

/** What happens to claims on their way to an identity, for a dry run that shows it. */
export type MappingTrace =
  | { readonly kind: "claims"; readonly source: string; readonly claims: unknown }
  | { readonly kind: "rule"; readonly rule: string; readonly before: unknown; readonly after: unknown };

/** What connectors need from outside. */
export interface ConnectorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly checkPassword: PasswordCheck;
  /** Left out only by tests: every attempt is admitted then. */
  readonly admitAttempt?: AttemptAdmission;
  /** Left out only by tests and dry runs: nothing is remembered then. */
  readonly useOnce?: UseOnce;
  /** Set only for development and tests: connectors that let anybody in may be opened. */
  readonly mocksAllowed?: boolean;
  /** Given by dry runs alone: claims are personal data and are shown to nobody else. */
  readonly trace?: (event: MappingTrace) => void;
}

/** Whether a kind of connector can do something: always, never, or under a condition that its operator sets. */
export type Capability = "yes" | "no" | `if ${string}`;

/** What the table in the README says of a kind; made from here. */
export interface Capabilities {
  readonly login: "callback" | "password";
  readonly refresh: Capability;
  readonly groups: Capability;
  readonly preferredUsername: Capability;
  /** Takes a token of the upstream as subject token, RFC 8693. */
  readonly tokenIdentity: Capability;
  readonly upstreamLogout: Capability;
  /** Whether signing out upstream ends sessions here, OIDC Back-Channel Logout. No when left out. */
  readonly backchannelLogout?: Capability;
}

export type ParsedConfig =
  | { readonly kind: "config"; readonly config: JsonObject }
  | { readonly kind: "refused"; readonly reason: string };

/** One row of the registry. */
export interface ConnectorKind {
  readonly type: string;
  /** How people call the upstream, for tables and messages. */
  readonly title: string;
  readonly capabilities: Capabilities;
  /** The configuration without `id` and `type`, for those who describe it. */
  readonly schema?: z.ZodType;
  /** Members of the configuration that are never shown once stored. */
  readonly secretFields: readonly string[];
  /** Secret members that a configuration must have in the end, given or kept. `keepSecrets` sees to it. */
  readonly requiredSecrets?: readonly string[];
  /** Members that say whom a secret is sent to: when one changes, the stored secret is not carried over. */
  readonly secretAudience: readonly string[];
  /** Checks a configuration without `id` and `type`. Unknown members are dropped, as dex v1 ignored them. */
  parse(config: JsonObject): ParsedConfig;
  /**
   * Opens a stored connector without asking its upstream: a broken upstream shows at the first login, as `unavailable`.
   * Refuses what `parse` refuses, since another build may have stored it.
   */
  open(stored: StoredConnector, parts: ConnectorParts): OpenedConnector;
}

export type OpenedConnector =
  | { readonly kind: "connector"; readonly connector: Connector }
  | { readonly kind: "refused"; readonly id: string; readonly reason: string };

/** What a configuration was refused for, by member; never with the value, which may be a secret. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 10)
    .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`))
    .join("; ");
}

/** The members of `config` that `schema` knows, as they were given: what is stored is what the operator wrote. */
export function knownMembers(config: JsonObject, schema: z.ZodObject): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([name]) => Object.hasOwn(schema.shape, name)));
}

/** A member that dex v2 takes for absent when it is empty, as it is where a variable of the environment was not set. */
export const maybeEmpty = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((given) => (given === "" ? undefined : given), schema.optional());

/** Text of a configuration: bounded, without control characters. */
export const configText = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^\P{Cc}*$/u, "expected text without control characters");
