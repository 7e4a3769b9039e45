/** The device authorization endpoint, below the issuer: as in dex v2. */
export const DEVICE_AUTHORIZATION_PATH = "/device/code";
/** Where people type the code, RFC 8628 §3.3. */
export const DEVICE_VERIFICATION_PATH = "/device";
