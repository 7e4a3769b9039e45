import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { parseMailAddress } from "./mail-address.ts";
import { factsOf, type MessageName } from "./message-names.ts";
import { makeMailWriter, speaks } from "./messages.ts";
import { readMailTemplates } from "./template-files.ts";

const address = (text: string) => {
  const parsed = parseMailAddress(text);
  if (parsed === undefined) throw new Error(`${text} is not an address`);
  return parsed;
};

/** A directory with these files. */
function directory(files: Readonly<Record<string, string | Buffer>>): string {
  const root = mkdtempSync(join(tmpdir(), "dex-mail-templates-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

function read(...directories: readonly string[]) {
  const result = readMailTemplates(directories);
  if (result.kind === "refused") throw new Error(result.problems.join("\n"));
  return result.templates;
}

function problemsOf(...directories: readonly string[]): readonly string[] {
  const result = readMailTemplates(directories);
  return result.kind === "refused" ? result.problems : [];
}

const link = "https://id.example.com/dex/verify-email?token=dxl_1&x=2";

function write(directories: readonly string[], message: MessageName, locale?: string) {
  const writeMail = makeMailWriter({
    brand: { issuerName: "Tom & Jerry's", issuer: new URL("https://id.example.com/dex") },
    from: address("noreply@example.com"),
    templates: read(...directories),
    locale: "en",
  });
  return writeMail({
    message,
    to: address("jane@example.com"),
    link: factsOf(message).needsLink ? new URL(link) : undefined,
    clientName: "Wiki",
    connectorId: "github",
    occurredAt: new Date("2026-03-01T12:34:56Z"),
    locale,
  });
}

test("a text of an operator takes the place of ours, and gets its HTML made from it, escaped (v1 E04)", () => {
  const mail = write(
    [
      directory({
        "invitation.txt": "Subject: Welcome to {{ issuer_name }}\n\nDear {{ email }},\n<b>come</b> in:\n\n{{ link }}\n",
      }),
    ],
    "invitation",
  );
  expect(mail.subject).toBe("Welcome to Tom & Jerry's");
  expect(mail.text).toBe(`Dear jane@example.com,\n<b>come</b> in:\n\n${link}\n`);
  expect(mail.html).toContain("<p>Dear jane@example.com,<br>\n&lt;b&gt;come&lt;/b&gt; in:</p>");
  const escaped = link.replace("&", "&amp;");
  expect(mail.html).toContain(`<p><a href="${escaped}">${escaped}</a></p>`);
});

test("HTML of an operator alone stays alone, with its values escaped and our subject (v1 E04)", () => {
  const mail = write(
    [directory({ "invitation.html": '<p title="{{ issuer_name }}"><a href="{{ link }}">in</a></p>' })],
    "invitation",
  );
  expect(mail).toEqual({
    subject: "Tom & Jerry's: activate your account",
    text: undefined,
    html: `<p title="Tom &amp; Jerry&#39;s"><a href="${link.replace("&", "&amp;")}">in</a></p>`,
  });
});

test("text and HTML of an operator go out together (v1 E04)", () => {
  const root = directory({ "verify-email.txt": "text {{ link }}", "verify-email.html": "<b>{{ link }}</b>" });
  const mail = write([root], "verify-email");
  expect(mail.text).toBe(`text ${link}\n`);
  expect(mail.html).toBe(`<b>${link.replace("&", "&amp;")}</b>`);
});

test("the variables that dex v1 gave every template are there (v1 E04)", () => {
  const all = "{{ .email }}|{{ .link }}|{{ .issuer_name }}|{{ .subject }}|{{ .from }}|{{ .to }}";
  expect(write([directory({ "password-reset.txt": `Subject: Reset\n${all}` })], "password-reset").text).toBe(
    `jane@example.com|${link}|Tom & Jerry's|Reset|noreply@example.com|jane@example.com\n`,
  );
});

test.each([
  { file: "invite.txt", message: "invitation" },
  { file: "verify-email.txt", message: "confirm-registration" },
  { file: "verify-email.txt", message: "verify-email" },
  { file: "password-reset.txt", message: "password-reset" },
] as const)("dex v1's $file stands for $message", ({ file, message }) => {
  expect(write([directory({ [file]: "v1 {{ link }}" })], message).text).toBe(`v1 ${link}\n`);
});

test("our own name of a message beats dex v1's", () => {
  const root = directory({ "invite.html": "v1 {{ link }}", "invitation.txt": "ours {{ link }}" });
  expect(write([root], "invitation").text).toBe(`ours ${link}\n`);
});

test("of files with the same name the one of the later directory wins, others stay", () => {
  const first = directory({ "invitation.txt": "first {{ link }}", "no-password.txt": "stays" });
  const second = directory({ "invitation.txt": "second {{ link }}" });
  expect(write([first, second], "invitation").text).toBe(`second ${link}\n`);
  expect(write([first, second], "no-password").text).toBe("stays\n");
});

test("a reader gets the text of the own language, else the one for all, else ours", () => {
  const root = directory({
    "de/invitation.txt": "Subject: Willkommen\ndeutsch {{ link }}",
    "pt-BR/invitation.txt": "brasileiro {{ link }}",
    "fr/no-password.txt": "Subject: Sans\nsans {{ time }}",
    "password-changed.txt": "for all",
  });
  expect(write([root], "invitation", "de-CH")).toMatchObject({ subject: "Willkommen", text: `deutsch ${link}\n` });
  expect(write([root], "invitation", "pt-br").text).toBe(`brasileiro ${link}\n`);
  expect(write([root], "invitation", "pt").text).toContain("was made for you");
  expect(write([root], "no-password", "fr").text).toContain("sans 2026-03-01");
  expect(write([root], "no-password", "fr").html).toContain('<html lang="fr">');
  expect(write([root], "password-changed", "de").text).toBe("for all\n");
  expect(write([root], "account-exists", "de").text).toContain("Guten Tag");
  expect(speaks("fr-CA", read(root))).toBe(true);
  expect(speaks("it", read(root))).toBe(false);
});

test("what mounted volumes and editors leave behind is passed over, and links to files are followed", () => {
  const real = directory({ "data.txt": "linked {{ link }}" });
  const root = directory({ ".invitation.txt.swp": "x", "..2026_01/invitation.txt": "x", README: "x" });
  symlinkSync(join(real, "data.txt"), join(root, "invitation.txt"));
  expect(write([root], "invitation").text).toBe(`linked ${link}\n`);
});

const mistakes = [
  {
    what: "an unknown variable",
    files: { "invitation.txt": "Subject: x\n\n\n{{ link }}\n{{ pasword }}" },
    says: "invitation.txt:5: unknown variable {{ pasword }}",
  },
  {
    what: "an unknown variable in the subject",
    files: { "invitation.txt": "Subject: {{ link }}\n{{ link }}" },
    says: "invitation.txt:1: unknown variable",
  },
  {
    what: "a link where there is none",
    files: { "de/password-changed.html": "\n{{ link }}" },
    says: "de/password-changed.html:2: unknown variable",
  },
  {
    what: "a mail without its link",
    files: { "invite.txt": "Welcome!" },
    says: "invite.txt: does not show {{ link }}",
  },
  {
    what: "the name of no mail",
    files: { "invitaton.txt": "{{ link }}" },
    says: "invitaton.txt: is the name of no mail",
  },
  {
    what: "a directory of no language",
    files: { "german/invite.txt": "{{ link }}" },
    says: "german: is not named by a language",
  },
  { what: "an empty file", files: { "no-password.txt": "\n" }, says: "no-password.txt: is empty" },
  {
    what: "bytes that are no UTF-8",
    files: { "no-password.txt": Buffer.from([0x68, 0xe4]) },
    says: "no-password.txt: cannot be read",
  },
  { what: "a huge file", files: { "no-password.txt": "x".repeat(300_000) }, says: "no-password.txt: is larger than" },
];
test.each(mistakes)("$what is said at the start, with file and line", ({ files, says }) => {
  const problems = problemsOf(directory(files));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(says);
});

test("all mistakes are said at once, a directory that cannot be read too", () => {
  const problems = problemsOf(
    "/no/such/directory",
    directory({ "invite.txt": "{{ a }}", "no-password.txt": "{{ b }}" }),
  );
  expect(problems.map((problem) => problem.split(":")[0]?.split("/").at(-1))).toEqual([
    "directory",
    "invite.txt",
    "no-password.txt",
  ]);
  expect(problems[0]).toContain("ENOENT");
});
