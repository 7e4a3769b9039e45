// What our mails say: pure functions from data to text. Hosts come from the configured issuer only (ACC-9).

/** Who the mail is from, as its reader knows them. Configuration, never taken from a request. */
export interface Brand {
  readonly issuerName: string;
  readonly issuer: URL;
}

/** Everything a message can say. Names in it are other people's words and are shown as such. */
export type MailContent = {
  readonly kind: "refresh-token-replayed";
  readonly clientName: string | undefined;
  readonly occurredAt: Date;
};

export interface RenderedMessage {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The content of a row, or undefined when this version knows no such kind: a newer worker may have written it. */
export function toMailContent(row: {
  readonly kind: string;
  readonly clientName: string | undefined;
  readonly occurredAt: Date;
}): MailContent | undefined {
  const { kind, clientName, occurredAt } = row;
  return kind === "refresh-token-replayed" ? { kind, clientName, occurredAt } : undefined;
}

/** The message as plain text and as HTML, saying the same. */
export function renderMessage(content: MailContent, brand: Brand): RenderedMessage {
  const issuerName = toShownName(brand.issuerName);
  const { subject, paragraphs } = compose(content, issuerName);
  const signature = `${issuerName}\n${brand.issuer.href}`;
  return {
    subject,
    text: `${[...paragraphs.map(wrap), signature].join("\n\n")}\n`,
    html: renderHtml(subject, paragraphs, issuerName, brand.issuer),
  };
}

/** Tells of the ended refresh token family (RFC 9700 §4.14.2): what we saw, what it may mean, what to do. */
function compose(content: MailContent, issuerName: string): { subject: string; paragraphs: readonly string[] } {
  const client =
    content.clientName === undefined ? "an application" : `the application "${toShownName(content.clientName)}"`;
  return {
    subject: `${issuerName}: one of your sign-ins was ended`,
    paragraphs: [
      "Hello,",
      `Your sign-in to ${client} through ${issuerName} was ended on ${renderInstant(content.occurredAt)}.`,
      "The key that keeps you signed in there was used a second time, although each one works only once. Two copies of " +
        "it must exist. That can be a fault of the application, or somebody may have copied it from one of your devices. " +
        "We cannot tell which, so this sign-in no longer works for anybody. Your other sign-ins go on.",
      "If you use this application, sign in to it again. If you do not know it, or if this mail comes again, tell the " +
        "people who run it or who gave you your account.",
      "You need not reply to this mail.",
    ],
  };
}

function renderHtml(subject: string, paragraphs: readonly string[], issuerName: string, issuer: URL): string {
  const style = "font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;max-width:36em";
  const link = `<a href="${escapeHtml(issuer.href)}">${escapeHtml(issuer.href)}</a>`;
  return [
    `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>`,
    `<body style="${style}">`,
    ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    `<p>${escapeHtml(issuerName)}<br>${link}</p>`,
    "</body>\n</html>\n",
  ].join("\n");
}

const MAX_NAME = 80;

/**
 * A name chosen by somebody else, on one line and bounded, without controls or marks that reorder text. Dots and colons
 * get a zero-width space behind them, so that no mail program turns a client called "evil.example" into a link.
 */
function toShownName(name: string): string {
  const line = name.replace(/[\p{C}\p{Z}\s]+/gu, " ").trim();
  const characters = [...line];
  const short = characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME).join("")}...` : line;
  return short.replace(/[.:@](?=\S)/g, "$&\u200b");
}

function renderInstant(instant: Date): string {
  const [date, time] = instant.toISOString().split("T");
  return `${date} at ${time?.slice(0, 5)} UTC`;
}

function escapeHtml(text: string): string {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" } as const;
  return text.replace(/[&<>"']/g, (character) => entities[character as keyof typeof entities]);
}

const LINE_WIDTH = 72;

/** RFC 5322 §2.1.1 asks for lines below 78 characters. */
function wrap(paragraph: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
