import { type Html, html } from "./html.ts";

// What the page of an account may say first. Chosen by its name alone: never a text from the query (BRO-11).
const NOTICES = {
  saved: "Your name was saved.",
  "password-changed": "Your password was changed. Everywhere else you are signed out.",
  "password-set": "Your password was set. Everywhere else you are signed out.",
  "email-sent": "A link was sent to the new address. The address changes when you open it.",
  "confirmation-sent": "A link was sent to your address. Open it to confirm the address.",
  "email-confirmed": "Your address is confirmed already.",
  unlinked: "The sign-in was removed from your account.",
  "access-removed": "The application no longer has access.",
  "grant-removed": "The application no longer has access there.",
  "session-ended": "That browser is signed out.",
  "others-signed-out": "Everywhere else you are signed out, and applications have lost their access.",
} as const;

/** The name of something that was done, as it stands in the query. */
export type AccountNotice = keyof typeof NOTICES;

/** The notice with this name, or undefined. */
export function parseAccountNotice(name: string | null): AccountNotice | undefined {
  return name !== null && Object.hasOwn(NOTICES, name) ? (name as AccountNotice) : undefined;
}

/** Read out by screen readers when the page opens. */
export function renderAccountNotice(notice: AccountNotice | undefined): Html | undefined {
  return notice && html`<p class="message good" id="notice" role="status">${NOTICES[notice]}</p>`;
}
