import { decodeBase64Url } from "@dex/runtime";
import type { OwnAccounts, OwnChange } from "@dex/users";
import { type AccountNotice, renderAccountConfirmPage } from "@dex/web";
import type { SignOut } from "../logout/sign-out.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";
import type { Pages } from "../pages.ts";
import type { PageRoute, Visit } from "../visit.ts";
import { ACCOUNT_PATH, type AccountGate, SIGNED_OUT_PATH } from "./account-gate.ts";

const END_OTHERS_PATH = `${ACCOUNT_PATH}/end-other-sessions`;

/** Taking back what was given: applications their access, browsers their sessions. */
export function accountAccessPages(parts: {
  gate: AccountGate;
  accounts: OwnAccounts;
  signOut: SignOut;
  pages: Pages;
}): readonly PageRoute[] {
  const { gate, accounts, pages } = parts;

  function conclude(visit: Visit, outcome: OwnChange | "unknown", notice: AccountNotice): void {
    if (outcome === "unknown") throw new InvalidInput(404, "there is no such thing in your account; it may be gone");
    if (outcome === "signed out") gate.tellSignedOut(visit);
    else gate.leave(visit, notice);
  }

  async function revokeApplication(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    const clientId = form.fields.get("client_id") ?? "";
    conclude(visit, await accounts.revokeApplication(form.owner, clientId, visit.now), "access-removed");
  }

  async function revokeGrant(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    const grantId = form.fields.get("grant") ?? "";
    conclude(visit, await accounts.revokeGrant(form.owner, grantId, visit.now), "grant-removed");
  }

  async function endSession(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    const hash = decodeBase64Url(form.fields.get("session") ?? "");
    const outcome = hash?.length === 32 ? await accounts.endSession(form.owner, hash, visit.now) : "unknown";
    conclude(visit, outcome, "session-ended");
  }

  async function askToEndOthers(visit: Visit): Promise<void> {
    const session = await gate.enter(visit, END_OTHERS_PATH, "recent");
    if (session === undefined) return;
    const view = {
      title: "Sign out everywhere else?",
      explanation:
        "Every other browser is signed out, and applications lose the access they have to your account until you sign in there again.",
      formId: "end-other-sessions-form",
      action: gate.href(END_OTHERS_PATH),
      formToken: gate.formToken(session),
      fields: {},
      button: "Sign out",
      backHref: gate.href(ACCOUNT_PATH),
    };
    pages.show(visit.response, 200, (theme) => renderAccountConfirmPage(theme, view));
  }

  async function endOthers(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, END_OTHERS_PATH, "recent");
    if (form === undefined) return;
    conclude(visit, await accounts.endOtherSessions(form.owner, visit.now), "others-signed-out");
  }

  async function signOut(visit: Visit): Promise<void> {
    const form = await gate.receive(visit, ACCOUNT_PATH, "any");
    if (form === undefined) return;
    const { sessionHash: hash, userId } = form.owner;
    await parts.signOut(visit, { session: { hash, userId }, by: "page", signedOutPath: gate.href(SIGNED_OUT_PATH) });
  }

  return [
    { path: `${ACCOUNT_PATH}/revoke-application`, POST: revokeApplication },
    { path: `${ACCOUNT_PATH}/revoke-grant`, POST: revokeGrant },
    { path: `${ACCOUNT_PATH}/end-session`, POST: endSession },
    { path: `${ACCOUNT_PATH}/sign-out`, POST: signOut },
    { path: END_OTHERS_PATH, GET: askToEndOthers, POST: endOthers },
  ];
}
