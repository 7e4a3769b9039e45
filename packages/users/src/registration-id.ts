import { sha256 } from "@dex/runtime";

/**
 * The id of the registration of this address in this flow: the same when the form is sent again, since its answer may
 * have been lost on the way. A UUID of version 8, RFC 9562 §5.8. It need not be secret: what opens the link is a MAC over it.
 */
export function registrationId(flowId: string, email: string): string {
  const bytes = sha256(`registration\0${flowId}\0${email}`).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
