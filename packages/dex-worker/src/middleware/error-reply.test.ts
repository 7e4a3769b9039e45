// What is told of a request that failed in a way nobody foresaw.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { OAuthError } from "@dex/oidc";
import { type Logger, systemRandom } from "@dex/runtime";
import express from "express";
import { expect, onTestFinished, test } from "vitest";
import { makePages } from "../pages.ts";
import { errorReply, type ReplyForm, replyWith } from "./error-reply.ts";
import { InvalidInput } from "./invalid-input.ts";
import { requestId } from "./request-id.ts";

const pages = makePages({ issuerName: "dex", logoUrl: undefined, stylesheetUrl: "/x.css" });
const INSIDE = "canary: relation app_user in /srv/dex/users.ts";

async function answerTo(form: ReplyForm, thrown: unknown) {
  const lines: { readonly level: string; readonly event: string; readonly fields: unknown }[] = [];
  const at = (level: string) => (event: string, fields?: unknown) => void lines.push({ level, event, fields });
  const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const app = express();
  app.disable("x-powered-by");
  app.use(requestId(systemRandom), replyWith(form), () => {
    throw thrown;
  });
  app.use(errorReply({ pages, logger }));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/?a=secret-query`);
  return { response, text: await response.text(), lines };
}

class DatabaseFailure extends Error {
  readonly code = "42P01";
  readonly query = "SELECT canary FROM app_user";
  readonly status = 418;
}

test.each<ReplyForm>(["page", "token", "bearer", { resourceMetadata: "https://dex.example/m" }])(
  "as a %s an error that nobody foresaw is 500, a code and the name of the request, and nothing of the inside (LOG-4)",
  async (form) => {
    for (const thrown of [new DatabaseFailure(INSIDE), INSIDE, { message: INSIDE, status: 404 }]) {
      const { response, text, lines } = await answerTo(form, thrown);
      expect(response.status).toBe(500);
      const headers = JSON.stringify([...response.headers]);
      for (const inside of ["canary", "42P01", "app_user", "/srv/", "at Object", "express", "secret-query"]) {
        expect(`${headers}\n${text}`.toLowerCase()).not.toContain(inside.toLowerCase());
      }
      const id = response.headers.get("x-request-id") ?? "";
      expect(id).toMatch(/^[\w-]{12}$/);
      if (form === "page") expect(text).toContain(id);
      else {
        expect(JSON.parse(text)).toEqual({
          error: "server_error",
          error_description: "something went wrong on our side",
        });
      }
      expect(lines).toMatchObject([
        { level: "error", event: "request failed", fields: { requestId: id, status: 500 } },
      ]);
    }
  },
);

const told = [
  {
    what: "a request_uri that is good no longer",
    error: new OAuthError("invalid_request_uri", "it was used"),
    title: "This request cannot be completed",
    reads: ["has expired, or was answered already; please go back to it and begin again.", ">it was used<"],
  },
  {
    what: "what no application may ask for",
    error: new OAuthError("invalid_request", "the client is unknown"),
    title: "This request cannot be completed",
    reads: ["is not possible; please go back to it and begin again.", ">the client is unknown<"],
  },
  {
    what: "what was answered already",
    error: new InvalidInput(410, "it was answered", {}, "/dex/device"),
    title: "This is no longer open",
    reads: ["It was answered.", 'id="back" href="/dex/device"'],
  },
  {
    what: "too many tries",
    error: new InvalidInput(429, "too many codes were tried"),
    title: "Please wait a little",
    reads: ["Too many codes were tried."],
  },
];
test.each(told)("a page tells a person of $what, and what to do next", async ({ error, title, reads }) => {
  const { text } = await answerTo("page", error);
  expect(text).toContain(`<h1>${title}</h1>`);
  for (const one of reads) expect(text).toContain(one);
});
