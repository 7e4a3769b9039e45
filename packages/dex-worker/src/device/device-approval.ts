import { DEVICE_VERIFICATION_PATH, renderUserCode, type UserCode, type UserCodeHashes } from "@dex/oidc";
import { renderDeviceApprovalPage, renderDeviceDonePage } from "@dex/web";
import type { ApprovalKind } from "../approval/approval-page.ts";
import type { LoginPaths } from "../login/paths.ts";
import { InvalidInput } from "../middleware/invalid-input.ts";

const GONE = "this code has expired or was answered already; please begin again on the device";

/** Of a device whose code the person typed. */
export function deviceApproval(parts: { userCodeHashes: UserCodeHashes; paths: LoginPaths }): ApprovalKind<UserCode> {
  const { userCodeHashes, paths } = parts;
  return {
    path: `${DEVICE_VERIFICATION_PATH}/approve`,
    what: "device",
    aboutOf: ({ deviceUserCode }) => deviceUserCode,
    hashesOf: (userCode) => userCodeHashes.all(userCode),
    actionOf: (flowId) => paths.deviceApproval(flowId),
    backHref: paths.device(),
    prepare: async (userCode) => (theme, view) =>
      renderDeviceApprovalPage(theme, { ...view, userCode: renderUserCode(userCode) }),
    renderDone: renderDeviceDonePage,
    gone: () => new InvalidInput(410, GONE, {}, paths.device()),
  };
}
