// What the settings say about mail, with the files they name, checked at the start: a mistake in a template must not wait
// for the first mail of its kind.
import {
  type Emailer,
  type MailAddress,
  type MailTemplates,
  parseSmtpUrl,
  readEmailerConfig,
  readMailTemplates,
  speaks,
} from "@dex/email";
import type { Secret } from "@dex/runtime";

/** The settings about mail. */
export interface MailSettings {
  readonly smtpUrl: Secret<string> | undefined;
  readonly emailCfg: string | undefined;
  readonly emailFrom: MailAddress | undefined;
  readonly emailTemplates: readonly string[];
  readonly emailLocale: string;
}

export interface MailSetup {
  /** Undefined: nothing says how mail is sent, so it goes into the log. */
  readonly emailer: Emailer | undefined;
  readonly templates: MailTemplates;
}

/** The setup, or what is wrong with it: a sentence for each mistake. */
export function readMailSetup(settings: MailSettings): MailSetup | { readonly problems: readonly string[] } {
  const emailer = readEmailer(settings);
  const templates = readMailTemplates(settings.emailTemplates);
  const problems = typeof emailer === "string" ? [emailer] : [];
  if (templates.kind === "refused") {
    return { problems: [...problems, ...templates.problems.map((problem) => `--email-templates: ${problem}`)] };
  }
  if (!speaks(settings.emailLocale, templates.templates)) {
    problems.push(
      "--email-locale (DEX_WORKER_EMAIL_LOCALE): expected en, de or a language with a directory in --email-templates",
    );
  }
  if (typeof emailer === "string" || problems.length > 0) return { problems };
  return { emailer, templates: templates.templates };
}

function readEmailer({ smtpUrl, emailCfg, emailFrom }: MailSettings): Emailer | undefined | string {
  if (smtpUrl !== undefined && emailCfg !== undefined) {
    return "--smtp-url, --email-cfg: both say how mail is sent, expected one of them";
  }
  if (emailCfg !== undefined) {
    const result = readEmailerConfig(emailCfg, emailFrom);
    return result.kind === "read" ? result.emailer : `--email-cfg: ${emailCfg}: ${result.problem}`;
  }
  const server = smtpUrl && parseSmtpUrl(smtpUrl.reveal());
  if (server === undefined) return undefined;
  if (emailFrom === undefined) {
    return "--email-from (DEX_WORKER_EMAIL_FROM) is required with --smtp-url: expected one plain mail address";
  }
  return { type: "smtp", from: emailFrom, server };
}
