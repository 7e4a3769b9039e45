import { makePendingCodes } from "./pending-code.ts";

/** RFC 8628 §3.4 */
export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
/** How long a device waits for its person. */
export const DEVICE_CODE_SECONDS = 600;
/** Between two polls, RFC 8628 §3.5: what a device is told, and by how much it grows whenever one comes too early. */
export const POLL_INTERVAL_SECONDS = 5;

export const { make: newDeviceCode, hashOf: hashOfDeviceCode } = makePendingCodes("dxd_");
