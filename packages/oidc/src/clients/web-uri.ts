import { z } from "zod";

/** A link or picture of a client. */
export const webUriShape = z
  .string()
  .max(1000, "must be at most 1000 characters")
  .refine((text) => /^[\x21-\x7e]+$/.test(text) && URL.parse(text)?.protocol === "https:", "must be an https URL");
