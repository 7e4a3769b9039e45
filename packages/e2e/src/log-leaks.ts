import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Which of the named values stand in which log, whole, at their beginning, or encoded: `<name> in <file>`. */
export function findLeaks(logDirectory: string, canaries: Readonly<Record<string, string>>): readonly string[] {
  const found: string[] = [];
  for (const file of readdirSync(logDirectory)) {
    const log = readFileSync(join(logDirectory, file), "utf8");
    for (const [name, value] of Object.entries(canaries)) {
      // Its beginning is as telling as all of it, and an encoded form is as good as the plain one.
      const forms = [value, encodeURIComponent(value), Buffer.from(value).toString("base64").replace(/=+$/, "")];
      if (forms.some((form) => log.includes(form.slice(0, 40)))) found.push(`${name} in ${file}`);
    }
  }
  return found;
}
