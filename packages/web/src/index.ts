export {
  type AccountConfirmView,
  renderAccountConfirmPage,
  renderNotSignedOutPage,
  renderSignedOutPage,
  type SignedOutView,
} from "./account-confirm-page.ts";
export { type AccountEmailView, renderAccountEmailPage } from "./account-email-page.ts";
export { type AccountNotice, parseAccountNotice } from "./account-notices.ts";
export { type AccountView, renderAccountPage } from "./account-page.ts";
export { type AccountPasswordView, renderAccountPasswordPage } from "./account-password-page.ts";
export type { ApprovalDoneView, ApprovalView } from "./approval-pages.ts";
export {
  type BackchannelApprovalView,
  renderBackchannelApprovalPage,
  renderBackchannelDonePage,
} from "./backchannel-pages.ts";
export { type ChangeEmailView, renderChangeEmailPage } from "./change-email-page.ts";
export { CHECK_SESSION_SCRIPT, renderCheckSessionPage } from "./check-session-page.ts";
export { type CheckYourMailView, renderCheckYourMailPage } from "./check-your-mail-page.ts";
export { type ChooserView, type ConnectorChoice, renderChooserPage } from "./chooser-page.ts";
export { type ConfirmAddressView, renderConfirmAddressPage } from "./confirm-address-page.ts";
export { type ConsentView, renderConsentPage } from "./consent-page.ts";
export { CONTINUE_SCRIPT, type ContinueView, renderContinuePage } from "./continue-page.ts";
export {
  type DeviceApprovalView,
  type DeviceCodeView,
  renderDeviceApprovalPage,
  renderDeviceCodePage,
  renderDeviceDonePage,
} from "./device-pages.ts";
export { type ErrorView, renderErrorPage } from "./error-page.ts";
export { Html, type HtmlValue, html } from "./html.ts";
export type { Theme } from "./layout.ts";
export { type LinkIdentityView, renderLinkIdentityPage } from "./link-identity-page.ts";
export { parseImage, type SafeImage } from "./links.ts";
export { type LoggedOutView, type LogoutView, renderLoggedOutPage, renderLogoutPage } from "./logout-pages.ts";
export {
  type NewPasswordView,
  type PasswordSetView,
  renderNewPasswordPage,
  renderPasswordSetPage,
} from "./new-password-page.ts";
export { type OobView, renderOobPage } from "./oob-page.ts";
export { type PasswordView, renderPasswordPage } from "./password-page.ts";
export { type RegisterView, renderRegisterPage } from "./register-page.ts";
export type { ResourceView } from "./resource-list.ts";
export { renderSendResetPasswordPage, type SendResetPasswordView } from "./send-reset-password-page.ts";
export { type StaticFile, staticFiles, stylesheetPath } from "./static-files.ts";
export { renderUnmatchedIdentityPage, type UnmatchedIdentityView } from "./unmatched-identity-page.ts";
