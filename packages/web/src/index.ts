export { type ChooserView, type ConnectorChoice, renderChooserPage } from "./chooser-page.ts";
export { type ConsentView, renderConsentPage } from "./consent-page.ts";
export { type ErrorView, renderErrorPage } from "./error-page.ts";
export { Html, type HtmlValue, html } from "./html.ts";
export type { Theme } from "./layout.ts";
export { type PasswordView, renderPasswordPage } from "./password-page.ts";
export { type StaticFile, staticFiles, stylesheetPath } from "./static-files.ts";
