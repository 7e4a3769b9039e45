// Parts of the schemas that upstream answers are read with. All of it is untrusted: bounded, without control characters.
import * as z from "zod";

/** Text that may be missing, null or empty, all of which say nothing. */
export const upstreamText = (maxLength = 255) =>
  z
    .string()
    .max(maxLength)
    .regex(/^\P{Cc}*$/u, "control characters")
    .refine((text) => text.isWellFormed(), "not Unicode")
    .nullish()
    .transform((text) => text || undefined);

/** An address, RFC 5321 §4.5.3.1.3. Whether it is one is decided where it is used. */
export const upstreamEmail = () => upstreamText(254);

/** Text that must be there. */
export const requiredText = (maxLength = 255) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^\P{Cc}*$/u, "control characters")
    .refine((text) => text.isWellFormed(), "not Unicode");
