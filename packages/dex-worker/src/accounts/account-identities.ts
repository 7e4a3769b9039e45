import type { Logger } from "@dex/runtime";
import { decideUnlink, type LinkedIdentity, type OwnAccounts, RECENT_SIGN_IN_SECONDS } from "@dex/users";
import { renderAccountConfirmPage } from "@dex/web";
import type { ConnectorSet } from "../live/connector-set.ts";
import type { BeginOwnPages } from "../login/own-pages.ts";
import { readQuery } from "../middleware/form-body.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate } from "./account-gate.ts";
import { connectorName, identityHandle } from "./account-overview.ts";

const LINK_PATH = `${ACCOUNT_PATH}/link`;
const UNLINK_PATH = `${ACCOUNT_PATH}/unlink`;
const LAST_WAY_IN = "this is your only way to sign in; connect another one before you remove it";

/** Connecting another way to sign in, and removing one. */
export function accountIdentityPages(parts: {
  gate: AccountGate;
  accounts: OwnAccounts;
  connectors: ConnectorSet;
  beginOwnPages: BeginOwnPages;
  idleSeconds: number;
  pages: Pages;
  logger: Logger;
}): readonly PageRoute[] {
  const { gate, accounts, connectors, beginOwnPages, idleSeconds, pages, logger } = parts;

  async function readIdentities({ now }: Visit, userId: string): Promise<readonly LinkedIdentity[]> {
    return (await accounts.read(userId, now, idleSeconds))?.identities ?? [];
  }

  /** Throws InvalidInput unless the handle names one of these. */
  function pick(identities: readonly LinkedIdentity[], handle: string | null): LinkedIdentity {
    const identity = identities.find((one) => identityHandle(one) === handle);
    if (identity === undefined) throw new InvalidInput(404, "this sign-in does not belong to your account");
    return identity;
  }

  /** Nothing is linked by coming here: the person proves the identity, is shown it, and says yes in a form. */
  async function link(visit: Visit): Promise<void> {
    const connectorId = readQuery(visit.request).get("connector") ?? "";
    const entry = connectors.find(connectorId);
    if (entry?.connector === undefined || entry.connector.type === "local") {
      throw new InvalidInput(404, "there is no such way to sign in that could be connected");
    }
    const path = `${LINK_PATH}?${new URLSearchParams({ connector: entry.id })}`;
    const session = await gate.enter(visit, path, "recent");
    if (session === undefined) return;
    const maxAgeSeconds = RECENT_SIGN_IN_SECONDS;
    await beginOwnPages({ visit, path: ACCOUNT_PATH, maxAgeSeconds, intent: "link", connectorId: entry.id });
  }

  async function askToUnlink(visit: Visit): Promise<void> {
    const handle = readQuery(visit.request).get("identity") ?? "";
    if (!/^[\w-]{22}$/.test(handle)) throw new InvalidInput(404, "this sign-in does not belong to your account");
    const session = await gate.enter(visit, `${UNLINK_PATH}?identity=${handle}`, "recent");
    if (session === undefined) return;
    const identities = await readIdentities(visit, session.user.id);
    const identity = pick(identities, handle);
    if (decideUnlink(identities, identity) === "last way in") throw new InvalidInput(409, LAST_WAY_IN);
    const name = connectorName(connectors, identity.connectorId);
    const also = identity.remoteId === session.user.id ? " Your password is removed with it." : "";
    const view = {
      title: `Remove ${name}?`,
      explanation: `You will no longer sign in with it. Wherever you did, you are signed out.${also}`,
      formId: "unlink-form",
      action: gate.href(UNLINK_PATH),
      formToken: gate.formToken(session),
      fields: { identity: handle },
      button: "Remove",
      backHref: gate.href(ACCOUNT_PATH),
    };
    pages.show(visit.response, 200, (theme) => renderAccountConfirmPage(theme, view));
  }

  async function unlink(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "recent");
    if (form === undefined) return;
    const identity = pick(await readIdentities(visit, form.owner.userId), form.fields.get("identity"));
    const outcome = await accounts.unlink(form.owner, identity, visit.now);
    switch (outcome) {
      case "signed out":
        return gate.tellSignedOut(visit);
      case "last way in":
        throw new InvalidInput(409, LAST_WAY_IN);
      case "not linked":
        throw new InvalidInput(404, "this sign-in does not belong to your account");
      case "done":
        logger.info("identity unlinked", { userId: form.owner.userId, connectorId: identity.connectorId });
        // This very session was begun through it, and has ended with it.
        if (form.session.connectorId === identity.connectorId) return gate.leaveSignedOut(visit);
        return gate.leave(visit, "unlinked");
    }
  }

  return [
    { path: LINK_PATH, GET: link },
    { path: UNLINK_PATH, GET: askToUnlink, POST: unlink },
  ];
}
