// What is told of a request that failed in a way nobody foresaw.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Logger, systemRandom } from "@dex/runtime";
import express from "express";
import { expect, onTestFinished, test } from "vitest";
import { makePages } from "../pages.ts";
import { errorReply, type ReplyForm, replyWith } from "./error-reply.ts";
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
