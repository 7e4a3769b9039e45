// The fixture files of dex v1's mode without a database: clients, users and connectors as JSON.

import { type Json, type JsonObject, Secret } from "@dex/runtime";
import { canonicalEmail } from "@dex/users";
import { z } from "zod";
import { Failure } from "../failure.ts";
import { toPrintable } from "../printable.ts";
import type { FoundClient, FoundConnector, FoundUser, ImportSource } from "./import-source.ts";

/** The texts of the files that were given. */
export interface FixtureTexts {
  readonly clients: string | undefined;
  readonly users: string | undefined;
  readonly connectors: string | undefined;
}

const PAGE = 500;
const base64url = z.string().min(1, "must not be empty").refine(isBase64Url, "must be base64url of the secret's bytes");
const url = z.string().refine((text) => URL.canParse(text), "must be a URL");

// Unknown members are passed over, as v1 did.
const clientShape = z.object({
  id: z.string().min(1, "must not be empty"),
  secret: base64url,
  redirectURLs: z.array(url).nullish(),
  admin: z.boolean().nullish(),
  public: z.boolean().nullish(),
  trustedPeers: z.array(z.string()).nullish(),
});
const userShape = z.object({
  id: z.string().min(1, "must not be empty"),
  email: z.string().min(1, "must not be empty"),
  displayName: z.string().nullish(),
  emailVerified: z.boolean().nullish(),
  admin: z.boolean().nullish(),
  disabled: z.boolean().nullish(),
  createdAt: z.iso.datetime({ offset: true, message: "must be a time by RFC 3339" }).nullish(),
  password: z.string().nullish(),
  remoteIdentities: z.array(z.object({ connectorId: z.string().min(1), id: z.string().min(1) })).nullish(),
});
const connectorShape = z.record(z.string(), z.json());

/**
 * The files as an import wants them. A Failure that names file, entry and member for whatever dex v1 refused to start
 * with; no message holds a value.
 */
export function parseFixtures(texts: FixtureTexts): ImportSource {
  const clients = parseList(texts.clients, "clients", clientShape).map(toFoundClient);
  const users = parseList(texts.users, "users", userShape, refuseOldLayout).map(toFoundUser);
  const connectors = parseList(texts.connectors, "connectors", connectorShape).map(toFoundConnector);
  refuseTwice(
    "clients",
    "id",
    clients.map(({ id }) => id),
  );
  refuseTwice(
    "users",
    "id",
    users.map(({ id }) => id),
  );
  const identities = users.flatMap((user) => user.identities);
  refuseTwice(
    "users",
    "remote identity",
    identities.map((one) => JSON.stringify([one.connectorId, one.remoteId])),
  );
  refuseTwice(
    "connectors",
    "id",
    connectors.map(({ id }) => id),
  );
  return {
    emailsTwice: twiceIn(users.flatMap(({ email }) => canonicalEmail(email) ?? [])),
    users: () => inPages(users),
    clients: () => inPages(clients),
    connectors: () => inPages(connectors),
    leftovers: async () => ({ neverTaken: {}, ownerless: { passwords: 0, identities: 0 } }),
  };
}

function parseList<T>(
  text: string | undefined,
  name: string,
  shape: z.ZodType<T>,
  look: (entry: unknown, where: string) => void = () => {},
): readonly T[] {
  if (text === undefined) return [];
  const entries = z.array(z.unknown()).safeParse(parseJson(text));
  if (!entries.success) throw new Failure("refused", `${name}: the file does not hold a JSON array`);
  return entries.data.map((entry, index) => {
    const where = `${name}: entry ${index + 1}`;
    look(entry, where);
    const parsed = shape.safeParse(entry);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const member = issue?.path.join(".") ?? "";
    const what = issue?.code === "invalid_type" ? `expected ${issue.expected}` : issue?.message;
    throw new Failure(
      "refused",
      toPrintable(`${where}: ${member === "" ? "" : `${member}: `}${what ?? "is not valid"}`),
    );
  });
}

/** Before dex 0.5 the members of a user lay one level deeper. */
function refuseOldLayout(entry: unknown, where: string): void {
  if (typeof entry === "object" && entry !== null && "user" in entry) {
    throw new Failure("refused", `${where}: has the outdated format of before dex 0.5, with a member "user"`);
  }
}

function refuseTwice(name: string, member: string, values: readonly string[]): void {
  const [first] = twiceIn(values);
  if (first !== undefined) throw new Failure("refused", `${name}: ${member} ${toPrintable(first, 200)} occurs twice`);
}

function twiceIn(values: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(values.filter((value) => seen.size === seen.add(value).size));
}

function toFoundClient(client: z.infer<typeof clientShape>): FoundClient {
  const wanted: JsonObject = {
    id: client.id,
    redirectURIs: [...new Set(client.redirectURLs ?? [])],
    isAdmin: client.admin ?? false,
    public: client.public ?? false,
    trustedPeers: [...new Set(client.trustedPeers ?? [])],
  };
  return { id: client.id, wanted, secret: { kind: "text", secret: new Secret(client.secret) } };
}

function toFoundUser(user: z.infer<typeof userShape>): FoundUser {
  return {
    id: user.id,
    email: user.email,
    emailVerified: user.emailVerified ?? false,
    displayName: user.displayName ?? "",
    admin: user.admin ?? false,
    disabled: user.disabled ?? false,
    createdAt: user.createdAt ? new Date(user.createdAt) : undefined,
    // Where v1 took none for the empty password, here there is none.
    password: user.password ? { kind: "plaintext", password: new Secret(user.password) } : { kind: "none" },
    identities: (user.remoteIdentities ?? []).map(({ connectorId, id }) => ({ connectorId, remoteId: id })),
  };
}

function toFoundConnector(entry: Readonly<Record<string, Json>>): FoundConnector {
  return { id: typeof entry.id === "string" ? entry.id : "", entry };
}

async function* inPages<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let start = 0; start < items.length; start += PAGE) yield items.slice(start, start + PAGE);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the mistake, and that may be a secret.
    return undefined;
  }
}

function isBase64Url(text: string): boolean {
  return Buffer.from(text, "base64url").toString("base64url") === text.replace(/={1,2}$/, "");
}
