import {
  type ChooserView,
  CONTINUE_SCRIPT,
  type ConsentView,
  type ContinueView,
  type ErrorView,
  type LoggedOutView,
  type PasswordView,
  parseImage,
  renderChooserPage,
  renderConsentPage,
  renderContinuePage,
  renderErrorPage,
  renderLoggedOutPage,
  renderPasswordPage,
  type Theme,
} from "@dex/web";
import type { Response } from "express";
import { setPageHeaders } from "./middleware/headers.ts";
import { requestIdOf } from "./middleware/request-id.ts";

/** Sends pages in the deployment's theme with the headers that every page needs. */
export interface Pages {
  /** Any page of packages/web. `formTargets` are where its forms may lead beyond our own origin. */
  show(response: Response, status: number, render: (theme: Theme) => string, formTargets?: readonly string[]): void;
  chooser(response: Response, status: number, view: ChooserView, formTargets: readonly string[]): void;
  password(response: Response, status: number, view: PasswordView, formTargets: readonly string[]): void;
  consent(response: Response, status: number, view: ConsentView, formTargets: readonly string[]): void;
  /** Posts a form on to where it is going; the only page for people that has a script. */
  continue(response: Response, view: ContinueView, formTargets: readonly string[]): void;
  /** The only page with frames, from these origins. */
  loggedOut(response: Response, view: LoggedOutView, frameOrigins: readonly string[]): void;
  error(response: Response, status: number, view: Omit<ErrorView, "requestId">): void;
}

export function makePages(theme: Theme): Pages {
  const logo = theme.logoUrl === undefined ? undefined : new URL(theme.logoUrl).origin;
  function send(response: Response, status: number, html: string, formTargets: readonly string[]): void {
    setPageHeaders(response, { logo, formTargets });
    response.status(status).end(html);
  }
  // Messages are written lower case, as everywhere; on a page they are sentences.
  const withSentence = <View extends { readonly message?: string | undefined }>(view: View): View =>
    view.message === undefined ? view : { ...view, message: toSentence(view.message) };
  return {
    show: (response, status, render, formTargets = []) => send(response, status, render(theme), formTargets),
    chooser: (response, status, view, formTargets) =>
      send(response, status, renderChooserPage(theme, withSentence(view)), formTargets),
    password: (response, status, view, formTargets) =>
      send(response, status, renderPasswordPage(theme, withSentence(view)), formTargets),
    consent(response, status, view, formTargets) {
      setPageHeaders(response, { logo, clientLogo: parseImage(view.logoUri)?.origin, formTargets });
      response.status(status).end(renderConsentPage(theme, view));
    },
    continue(response, view, formTargets) {
      setPageHeaders(response, { logo, formTargets, script: CONTINUE_SCRIPT });
      response.status(200).end(renderContinuePage(theme, view));
    },
    loggedOut(response, view, frameOrigins) {
      setPageHeaders(response, { logo, formTargets: [], frames: frameOrigins });
      response.status(200).end(renderLoggedOutPage(theme, view));
    },
    error: (response, status, view) =>
      send(response, status, renderErrorPage(theme, { ...withSentence(view), requestId: requestIdOf(response) }), []),
  };
}

function toSentence(message: string): string {
  const end = /[.!?]$/.test(message) ? "" : ".";
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${end}`;
}
