// A sign-in by what a real nginx in front of the worker says, from the authorization request to the ID token.
import { request as httpRequest } from "node:http";
import { type RunningNginx, startNginx } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const SECRET = "proxy-secret-canary-0f1e2d3c";
const PEOPLE = { mike: "correct horse" };
const CALLBACK = "/dex/auth/proxy/callback";
const SCOPE = "openid email profile groups offline_access";

let worker: TestWorker;
let nginx: RunningNginx;
beforeAll(async () => {
  worker = await openTestWorker(["--enable-automatic-registration"]);
  await worker.setConnectors([
    { id: "local", type: "local", config: {} },
    { id: "proxy", type: "authproxy", config: { trustedProxies: ["127.0.0.1"], proxySecret: SECRET } },
    { id: "open", type: "authproxy", config: {} },
  ]);
  nginx = await startNginx({
    upstream: new URL(worker.issuer).origin,
    protectedPath: CALLBACK,
    people: PEOPLE,
    headers: {
      "X-Remote-User": "$remote_user",
      "X-Remote-User-Id": "id-of-$remote_user",
      "X-Remote-User-Name": "",
      "X-Remote-User-Email": "$remote_user@example.com",
      "X-Remote-Group": "staff, door",
      "X-Auth-Proxy-Secret": SECRET,
    },
  });
});
afterAll(async () => {
  await nginx?.close();
  await worker?.close();
});

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

/** A browser that keeps cookies of this machine and follows nothing by itself. */
function openBrowser() {
  const cookies = new Map<string, string>();
  return (url: string | URL, headers: Readonly<Record<string, string | string[]>> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const sent = httpRequest(url, { headers: { ...headers, cookie }, agent: false }, (answer) => {
        for (const line of answer.headers["set-cookie"] ?? []) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          cookies.set(name, value);
        }
        const { statusCode: status = 0, headers: received } = answer;
        answer.resume().on("end", () => resolve({ status, location: received.location }));
      });
      sent.on("error", reject).end();
    });
}

type Visit = ReturnType<typeof openBrowser>;

/** Goes where it is sent, up to the callback. */
async function goToCallback(visit: Visit): Promise<URL> {
  let next = new URL(worker.authorizationUrl({ scope: SCOPE, connector_id: "proxy" }));
  for (let step = 0; step < 5 && next.pathname !== CALLBACK; step += 1) {
    next = new URL((await visit(next)).location ?? "", next);
  }
  expect(next.href.startsWith(`${worker.issuer}/auth/proxy/callback?state=`)).toBe(true);
  return next;
}

const throughNginx = (url: URL) => new URL(`${nginx.origin}${url.pathname}${url.search}`);
const asMike = { authorization: `Basic ${Buffer.from(`mike:${PEOPLE.mike}`).toString("base64")}` };

test("the person that nginx let in gets an ID token of ours, and nothing to go on with without them (C 17, C 187, C 188)", async () => {
  const visit = openBrowser();
  const callback = throughNginx(await goToCallback(visit));
  expect((await visit(callback)).status).toBe(401);
  let answer = await visit(callback, asMike);
  for (let step = 0; step < 5 && answer.location?.startsWith(REDIRECT_URI) !== true; step += 1) {
    answer = await visit(new URL(answer.location ?? "", `${worker.issuer}/`));
  }
  const code = new URL(answer.location ?? "").searchParams.get("code") ?? "";
  const { body } = await worker.token({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI });
  expect(body).not.toHaveProperty("refresh_token");
  expect(decodeJwt(body.id_token ?? "")).toMatchObject({
    name: "mike",
    preferred_username: "mike",
    email: "mike@example.com",
    email_verified: true,
    groups: ["staff", "door"],
  });
  expect(worker.log.join("\n")).not.toContain(SECRET); // LOG-1
});

describe("headers that did not come through nginx are not believed (C 14, C 190, NET-2)", () => {
  const forged = { "x-remote-user": "mike", "x-remote-user-id": "id-of-mike" };
  const ways: { what: string; headers: Record<string, string | string[]>; nginx?: true; status: number }[] = [
    { what: "sent to the worker itself", headers: forged, status: 403 },
    {
      what: "with forwarding headers",
      headers: { ...forged, "x-forwarded-for": "127.0.0.1", "x-auth-proxy-secret": "guessed-secret-0000000000" },
      status: 403,
    },
    { what: "sent twice", headers: { ...forged, "x-auth-proxy-secret": [SECRET, SECRET] }, status: 403 },
    { what: "without a name at nginx", headers: forged, nginx: true, status: 401 },
  ];
  test.each(ways)("$what", async ({ headers, nginx: through, status }) => {
    const visit = openBrowser();
    const callback = await goToCallback(visit);
    const answer = await visit(through ? throughNginx(callback) : callback, headers);
    expect(answer).toEqual({ status, location: undefined });
  });

  test("in a browser that began no sign-in, even through nginx (C 12, C 16, MIX-2)", async () => {
    const callback = throughNginx(await goToCallback(openBrowser()));
    const answer = await openBrowser()(callback, asMike);
    expect(answer.status).toBe(400);
  });

  test("at the callback of another connector, or without state", async () => {
    const visit = openBrowser();
    const callback = throughNginx(await goToCallback(visit));
    const elsewhere = new URL(callback.href.replace("/auth/proxy/", "/auth/open/"));
    expect((await visit(elsewhere, { ...asMike, ...forged })).location).toBeUndefined();
    expect((await visit(new URL(callback.pathname, nginx.origin), asMike)).status).toBe(400);
  });
});
