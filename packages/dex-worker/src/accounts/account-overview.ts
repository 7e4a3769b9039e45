import { BACKCHANNEL_APPROVAL_PATH, initiateLoginUrl } from "@dex/oidc";
import { sha256 } from "@dex/runtime";
import { type AccountOverview, decideUnlink, type LinkedIdentity, type OwnAccounts } from "@dex/users";
import { type AccountView, parseAccountNotice, renderAccountPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import { hostOfClient } from "../login/question.ts";
import { readQuery } from "../middleware/form-body.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate } from "./account-gate.ts";
import { describeProfile } from "./describe-profile.ts";

const MAX_NAME_LENGTH = 200;

/** The page with everything on it, and the form for the name. */
export function accountOverviewPages(parts: {
  gate: AccountGate;
  accounts: OwnAccounts;
  connectors: ConnectorSet;
  idleSeconds: number;
  issuer: string;
  pages: Pages;
}): readonly PageRoute[] {
  const { gate, accounts, connectors, idleSeconds, issuer, pages } = parts;

  async function show(visit: Visit): Promise<void> {
    const notice = parseAccountNotice(readQuery(visit.request).get("notice"));
    const session = await gate.enter(visit, ACCOUNT_PATH, "any");
    if (session === undefined) return;
    const overview = await accounts.read(session.user.id, visit.now, idleSeconds);
    if (overview === undefined) return gate.tellSignedOut(visit);
    const view: AccountView = {
      ...toView(overview, session.hash, { connectors, issuer }),
      waiting: overview.waiting.map(({ clientId, clientName, ...one }) => ({
        ...one,
        name: clientName ?? clientId,
        href: gate.href(`${BACKCHANNEL_APPROVAL_PATH}?request=${one.id}`),
      })),
      now: visit.now,
      notice,
      path: gate.href(ACCOUNT_PATH),
      formToken: gate.formToken(session),
    };
    pages.show(visit.response, 200, (theme) => renderAccountPage(theme, view));
  }

  async function rename(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
    const typed = (form.fields.get("display_name") ?? "").replace(/[\0-\x1f\x7f]/g, " ").trim();
    const name = [...typed].slice(0, MAX_NAME_LENGTH).join("");
    const outcome = await accounts.rename(form.owner, name === "" ? undefined : name, visit.now);
    if (outcome === "signed out") return gate.tellSignedOut(visit);
    gate.leave(visit, "saved");
  }

  return [
    { path: ACCOUNT_PATH, GET: show },
    { path: `${ACCOUNT_PATH}/profile`, POST: rename },
  ];
}

/** Names an identity in our own addresses without saying who the person is elsewhere. */
export function identityHandle({ connectorId, remoteId }: { connectorId: string; remoteId: string }): string {
  return sha256(`${connectorId}\0${remoteId}`).toString("base64url").slice(0, 22);
}

/** What a connector is called; its id when it is configured no longer. */
export function connectorName(connectors: ConnectorSet, id: string): string {
  return connectors.find(id)?.displayName ?? id;
}

/** The connector that checks our own passwords, where one is configured. */
export function findLocalConnector(connectors: ConnectorSet, identities: readonly LinkedIdentity[]) {
  const local = connectors.all().flatMap(({ connector }) => (connector?.type === "local" ? [connector] : []));
  return local.find(({ id }) => identities.some(({ connectorId }) => connectorId === id)) ?? local[0];
}

function toView(
  overview: AccountOverview,
  ownHash: Buffer,
  { connectors, issuer }: { connectors: ConnectorSet; issuer: string },
): Omit<AccountView, "now" | "notice" | "path" | "formToken"> {
  const { user, identities, applications, sessions } = overview;
  const isLocal = (id: string) => connectors.find(id)?.connector?.type === "local";
  return {
    user: { ...user, displayName: user.displayName ?? "", details: describeProfile(user.profile ?? {}) },
    password: toPasswordView(overview, connectors),
    identities: identities.map((one) => ({
      handle: identityHandle(one),
      connectorName: connectorName(connectors, one.connectorId),
      linkedAt: one.linkedAt,
      removable: decideUnlink(identities, one) === "unlink",
      usable: one.usable,
    })),
    // A local identity comes with a password, in its own section.
    moreConnectors: connectors
      .all()
      .filter(({ id }) => !isLocal(id) && !identities.some(({ connectorId }) => connectorId === id))
      .map(({ id, displayName, connector }) => ({ id, name: displayName, available: connector !== undefined })),
    applications: applications.map(({ initiateLoginUri, ...one }) => ({
      ...one,
      name: one.clientName ?? one.clientId,
      clientHost: hostOfClient(one.clientId),
      signInHref: initiateLoginUri === undefined ? undefined : initiateLoginUrl(initiateLoginUri, issuer),
    })),
    sessions: sessions.map(({ hash, connectorId, ...session }) => ({
      ...session,
      handle: hash.toString("base64url"),
      own: hash.equals(ownHash),
      connectorName: connectorName(connectors, connectorId),
    })),
  };
}

function toPasswordView(
  { passwordChangedAt, identities }: AccountOverview,
  connectors: ConnectorSet,
): AccountView["password"] {
  const possible = findLocalConnector(connectors, identities) !== undefined;
  if (passwordChangedAt === undefined) return { kind: "none", maySet: possible };
  return possible ? { kind: "set", changedAt: passwordChangedAt } : { kind: "unusable" };
}
