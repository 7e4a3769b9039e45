import { type Html, html } from "./html.ts";
import { parseFormAction } from "./links.ts";

export interface DecisionView {
  /** Where the form posts to: a path of our own origin, which carries the flow's id. */
  readonly action: string;
  readonly formToken: string;
}

/** The end of every question whether a client may: posts `decision` as `approve` or `deny`. No is before yes. */
export function renderDecisionForm(id: string, { action, formToken }: DecisionView): Html {
  return html`<form id="${id}" method="post" action="${parseFormAction(action)}">
<input type="hidden" name="form_token" value="${formToken}">
<div class="buttons">
<button class="button" id="deny" type="submit" name="decision" value="deny">Deny</button>
<button class="button primary" id="approve" type="submit" name="decision" value="approve">Allow</button>
</div>
</form>`;
}
