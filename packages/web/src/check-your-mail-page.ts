import { html } from "./html.ts";
import { renderLayout, type Theme } from "./layout.ts";

export interface CheckYourMailView {
  readonly email: string;
  /** What the mail is for, in a sentence. */
  readonly explanation: string;
  /** Whether the mail is sent in any case, or only to those who have an account. */
  readonly sent?: "always" | "if known";
}

/** Says that a mail is on its way: the same for every address, whether or not it belongs to somebody (ACC-2). */
export function renderCheckYourMailPage(theme: Theme, view: CheckYourMailView): string {
  const content = html`<h1>Check your mail</h1>
<p class="lead">${view.sent === "if known" ? "If there is an account for it, a message is on its way to" : "We have sent a message to"} <bdi class="name" id="mail-address">${view.email}</bdi></p>
<p class="note">${view.explanation}</p>
<p class="note">Nothing there? Look among the unwanted mail, and check that the address is right.</p>`;
  return renderLayout(theme, { title: "Check your mail", content });
}
