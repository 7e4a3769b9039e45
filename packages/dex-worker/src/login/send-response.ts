import type { AuthorizationResponse } from "@dex/oidc";
import type { Response } from "express";
import type { Pages } from "../pages.ts";
import { formTargets } from "./form-targets.ts";

/** Sends the browser on to the client with an answer of the authorization endpoint (RED-9). */
export function sendAuthorizationResponse(response: Response, pages: Pages, answer: AuthorizationResponse): void {
  if (answer.kind === "redirect") {
    response.redirect(303, answer.to);
    return;
  }
  const { to, fields } = answer;
  pages.continue(response, { to: new URL(to).host, action: to, fields }, formTargets(to));
}
