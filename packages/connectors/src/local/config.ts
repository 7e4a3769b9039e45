import * as z from "zod";
import { configText } from "../connector-kind.ts";

/** The configuration of the `local` connector: nothing but the text of its button. */
export const localConfigSchema = z.object({ name: configText(100).optional() });
