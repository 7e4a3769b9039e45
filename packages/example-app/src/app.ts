import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { renderHome, renderProblem, STYLE } from "./pages.ts";
import { type RelyingParty, SignInProblem } from "./relying-party.ts";
import { remember, type Session, type Sessions } from "./sessions.ts";
import type { Settings } from "./settings.ts";

const OFFERED_SCOPES = ["profile", "email", "groups", "offline_access"];

/** The app as an Express handler. `report` takes what an operator should know. */
export function makeApp(parts: {
  settings: Settings;
  relyingParty: RelyingParty;
  sessions: Sessions;
  report: (message: string) => void;
}): Express {
  const { settings, relyingParty, sessions, report } = parts;
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false);
  app.use(setHeaders, refuseForeignPosts);

  const keepCookie = (response: Response, id: string) => {
    const secure = settings.redirectUrl.protocol === "https:";
    response.cookie(sessions.cookieName, id, { httpOnly: true, sameSite: "lax", secure, path: "/" });
  };

  app.get("/", (request, response) => {
    const session = sessions.find(request.headers.cookie)?.session;
    const notice = session?.notice;
    if (session !== undefined) session.notice = undefined;
    const view = { clientId: settings.clientId, issuer: settings.issuer.href, issuerReady: relyingParty.ready() };
    response.type("html").send(renderHome({ ...view, signedIn: session?.signedIn, notice }));
  });

  app.get("/style.css", (_request, response) => void response.type("css").send(STYLE));
  app.get("/health", (_request, response) => void response.json({ status: "ok" }));

  app.get("/sign-in", async (request, response) => {
    const asked = queryOf(request).getAll("scope");
    const scopes = ["openid", ...OFFERED_SCOPES.filter((scope) => asked.includes(scope))];
    const { to, state, pending } = await relyingParty.begin(scopes);
    const { id, session } = sessions.find(request.headers.cookie) ?? sessions.open();
    remember(session, state, pending);
    keepCookie(response, id);
    response.redirect(303, to.href);
  });

  app.get(settings.redirectUrl.pathname, async (request, response) => {
    const query = queryOf(request);
    const found = sessions.find(request.headers.cookie);
    const states = query.getAll("state");
    const [state] = states;
    const pending = states.length === 1 && state !== undefined ? found?.session.pending.get(state) : undefined;
    if (found === undefined || state === undefined || pending === undefined) {
      throw new SignInProblem("refused", "This sign-in was not started here, or it has already been finished.");
    }
    found.session.pending.delete(state); // one answer per sign-in, whatever it says
    found.session.signedIn = await relyingParty.finish(query.toString(), state, pending);
    // A new id: one that somebody planted before the sign-in is worth nothing after it.
    keepCookie(response, sessions.open(found).id);
    response.redirect(303, "/");
  });

  app.post("/refresh", async (request, response) => {
    const session = sessions.find(request.headers.cookie)?.session;
    if (session?.signedIn !== undefined) {
      session.refreshing ??= refresh(session).finally(() => {
        session.refreshing = undefined;
      });
      await session.refreshing;
    }
    response.redirect(303, "/");
  });

  async function refresh(session: Session): Promise<void> {
    if (session.signedIn === undefined) return;
    try {
      session.signedIn = await relyingParty.refresh(session.signedIn);
    } catch (error) {
      if (!(error instanceof SignInProblem)) throw error;
      report(`refresh failed: ${describe(error)}`);
      session.notice = `Refreshing did not work. ${error.message}`;
    }
  }

  app.post("/sign-out", (request, response) => {
    const found = sessions.find(request.headers.cookie);
    if (found !== undefined) sessions.end(found.id);
    response.clearCookie(sessions.cookieName, { path: "/" });
    response.redirect(303, "/");
  });

  app.use((_request, response) => {
    response.status(404).type("html").send(renderProblem("Nothing here", "This app has no such page."));
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    if (error instanceof SignInProblem) {
      report(`sign-in failed: ${describe(error)}`);
      const status = error.kind === "refused" ? 400 : 503;
      if (status === 503) response.set("Retry-After", "2");
      response.status(status).type("html").send(renderProblem("Signing in did not work", error.message));
      return;
    }
    const status = statusOf(error);
    if (status >= 500) report(`request failed: ${describe(error)}`);
    response.status(status).type("html").send(renderProblem("That did not work", "Please start again."));
  });
  return app;
}

function setHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    // No form-action: browsers hold it against the redirect to the issuer too, and from there to wherever it leads.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  });
  next();
}

// The cookie is SameSite=Lax, but for browsers every port of 127.0.0.1 is the same site.
function refuseForeignPosts(request: Request, response: Response, next: NextFunction): void {
  const from = request.headers["sec-fetch-site"];
  if (request.method === "POST" && from !== undefined && from !== "same-origin" && from !== "none") {
    response.status(403).type("html").send(renderProblem("Not from here", "This button was pressed on another site."));
    return;
  }
  next();
}

function queryOf(request: Request): URLSearchParams {
  const start = request.url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : request.url.slice(start + 1));
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : 500;
}

// Names and messages only: the library's errors carry whole responses, tokens included.
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return JSON.stringify(`${error instanceof Error ? error.message : String(error)}${cause}`);
}
