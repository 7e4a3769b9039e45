// An import from its first page to its report. Each page is one transaction, so that whoever is killed in the middle leaves
// nothing half done and can be run again.
import type { Client, ClientSecretHash, NewClientMetadata } from "@dex/oidc";
import { type Clock, sha256 } from "@dex/runtime";
import type { ImportedUser, Storage } from "@dex/storage";
import type { Actor, PasswordHasher } from "@dex/users";
import { canonicalEmail } from "@dex/users";
import { decideClient } from "./decide-client.ts";
import { decideConnector } from "./decide-connector.ts";
import { decideUser, type UserDecision } from "./decide-user.ts";
import { type ImportReport, type ImportTally, makeImportTally } from "./import-report.ts";
import type { FoundClient, FoundSecret, FoundUser, ImportSource } from "./import-source.ts";

export interface ImportParts {
  readonly stores: Pick<Storage, "imports" | "connectors">;
  readonly hasher: Pick<PasswordHasher, "hash" | "verify">;
  readonly actor: Actor;
  readonly clock: Clock;
}

/** `dry` decides and reports, and writes nothing. */
export type ImportMode = "real" | "dry";

const LOST_RACE = "its id or address was taken while the import ran: run it again";

/** Takes users, then clients, then connectors. */
export async function runImport(source: ImportSource, mode: ImportMode, parts: ImportParts): Promise<ImportReport> {
  const tally = makeImportTally();
  for await (const page of source.users()) await importUsers(page, source, mode, parts, tally);
  for await (const page of source.clients()) await importClients(page, mode, parts, tally);
  await importConnectors(source, mode, parts, tally);
  const { neverTaken, ownerless } = await source.leftovers();
  for (const kind of ["passwords", "identities"] as const) {
    tally.count(kind, "notTaken", ownerless[kind]);
    if (ownerless[kind] > 0) tally.remark(kind, `${ownerless[kind]} rows`, "they belong to no user");
  }
  return tally.report(mode === "dry", neverTaken);
}

async function importUsers(
  page: readonly FoundUser[],
  source: ImportSource,
  mode: ImportMode,
  { stores: { imports }, hasher, actor, clock }: ImportParts,
  tally: ImportTally,
): Promise<void> {
  const now = clock();
  const storable = page.filter(({ id }) => id.isWellFormed() && !id.includes("\0"));
  const present = await imports.presentUsers(
    storable.map(({ id }) => id),
    page.flatMap(({ email }) => canonicalEmail(email) ?? []),
    page.flatMap(({ identities }) => identities),
  );
  const wanted: ImportedUser[] = [];
  for (const found of page) {
    const decision = decideUser(found, present, { emailsTwice: source.emailsTwice, now });
    tellUser(found, decision, tally);
    if (decision.kind !== "take") continue;
    const { entry, plaintext } = decision;
    const passwordHash =
      plaintext === undefined || mode === "dry" ? entry.passwordHash : await hasher.hash(plaintext.reveal());
    const withPassword = plaintext !== undefined || passwordHash !== undefined;
    if (mode === "dry") countTaken(withPassword, entry.identities.length, tally);
    else wanted.push({ ...entry, passwordHash });
  }
  if (wanted.length === 0) return;
  const taken = await imports.addUsers(wanted, actor, now);
  const linked = new Set(taken.identities.map(({ connectorId, remoteId }) => JSON.stringify([connectorId, remoteId])));
  for (const entry of wanted) {
    const { id } = entry.user;
    if (!taken.ids.has(id)) {
      tally.count("users", "notTaken");
      tally.remark("users", id, LOST_RACE);
      continue;
    }
    const ownLinks = entry.identities.filter(({ connectorId, remoteId }) =>
      linked.has(JSON.stringify([connectorId, remoteId])),
    );
    countTaken(entry.passwordHash !== undefined, ownLinks.length, tally);
    const lost = entry.identities.length - ownLinks.length;
    tally.count("identities", "notTaken", lost);
    if (lost > 0) tally.remark("identities", id, LOST_RACE);
  }
}

function countTaken(withPassword: boolean, identities: number, tally: ImportTally): void {
  tally.count("users", "taken");
  if (withPassword) tally.count("passwords", "taken");
  tally.count("identities", "taken", identities);
}

/** All but what is taken: that is known only once it is written. */
function tellUser(found: FoundUser, decision: UserDecision, tally: ImportTally): void {
  if (decision.kind === "refused") {
    tally.count("users", "notTaken");
    tally.remark("users", found.id, decision.reason);
    if (found.password.kind !== "none") tally.count("passwords", "notTaken");
    tally.count("identities", "notTaken", found.identities.length);
    return;
  }
  for (const { kind, reason } of decision.remarks) {
    tally.remark(kind, found.id, reason);
    if (kind !== "users") tally.count(kind, "notTaken");
  }
  if (decision.kind === "here") {
    tally.count("users", decision.differs ? "differs" : "alreadyThere");
    if (decision.password === "here") tally.count("passwords", "alreadyThere");
    tally.count("identities", "alreadyThere", decision.identitiesHere);
  }
}

async function importClients(
  page: readonly FoundClient[],
  mode: ImportMode,
  { stores: { imports }, hasher, actor, clock }: ImportParts,
  tally: ImportTally,
): Promise<void> {
  const present = await imports.presentClients(page.map(({ id }) => id));
  const wanted: Client[] = [];
  for (const found of page) {
    const here = present.find(({ id }) => id === found.id);
    const decision = decideClient(found, here);
    if (decision.kind === "refused") {
      tally.count("clients", "notTaken");
      tally.remark("clients", found.id, decision.reason);
    } else if (decision.kind === "here") {
      const secret = (await isSameSecret(found.secret, here?.secret, hasher)) ? [] : ["secret"];
      const differs = [...decision.differs, ...secret];
      tally.count("clients", differs.length > 0 ? "differs" : "alreadyThere");
      if (differs.length > 0)
        tally.remark("clients", found.id, `kept as it is here, other there: ${differs.join(", ")}`);
    } else if (mode === "dry") {
      tally.count("clients", "taken");
    } else {
      wanted.push(await toClient(decision.metadata, found, hasher, clock()));
    }
  }
  if (wanted.length === 0) return;
  const taken = await imports.addClients(wanted, actor);
  for (const { id } of wanted) {
    tally.count("clients", taken.has(id) ? "taken" : "notTaken");
    if (!taken.has(id)) tally.remark("clients", id, LOST_RACE);
  }
}

async function toClient(
  metadata: NewClientMetadata,
  found: FoundClient,
  hasher: Pick<PasswordHasher, "hash">,
  createdAt: Date,
): Promise<Client> {
  const { id: _, secret, ...rest } = metadata;
  const hash: ClientSecretHash | undefined = metadata.public
    ? undefined
    : found.secret.kind === "bcrypt"
      ? found.secret
      : { kind: "argon2id", hash: await hasher.hash(secret ?? "") };
  return { ...rest, id: found.id, secret: hash, createdAt };
}

/** A bcrypt hash that is no longer here was replaced at its first use, or with the secret: which one cannot be known. */
async function isSameSecret(
  found: FoundSecret,
  here: ClientSecretHash | undefined,
  hasher: Pick<PasswordHasher, "verify">,
): Promise<boolean> {
  if (here === undefined) return true;
  if (found.kind === "bcrypt") return here.kind !== "bcrypt" || here.hash === found.hash;
  if (here.kind === "sha256") return sha256(found.secret.reveal()).equals(here.hash);
  return here.kind === "argon2id" ? hasher.verify(found.secret.reveal(), here.hash) : true;
}

async function importConnectors(
  source: ImportSource,
  mode: ImportMode,
  { stores: { connectors, imports }, actor }: ImportParts,
  tally: ImportTally,
): Promise<void> {
  const here = [...(await connectors.list())];
  for await (const page of source.connectors()) {
    const before = here.length;
    for (const found of page) {
      const decision = decideConnector(found, here);
      if (decision.kind === "take") {
        here.push(decision.connector);
      } else if (decision.kind === "refused") {
        tally.count("connectors", "notTaken");
        tally.remark("connectors", found.id, decision.reason);
      } else {
        tally.count("connectors", decision.differs ? "differs" : "alreadyThere");
        if (decision.differs)
          tally.remark("connectors", found.id, "kept as it is here, other there: its configuration");
      }
    }
    const wanted = here.slice(before);
    const taken =
      mode === "dry" || wanted.length === 0
        ? new Set(wanted.map(({ id }) => id))
        : await imports.addConnectors(wanted, actor);
    for (const { id } of wanted) {
      tally.count("connectors", taken.has(id) ? "taken" : "notTaken");
      if (!taken.has(id)) tally.remark("connectors", id, LOST_RACE);
    }
  }
}
