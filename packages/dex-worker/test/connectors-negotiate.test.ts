import { type FormBrowser, type RunningSlapd, startSlapd } from "@dex/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installKerberosPackage } from "./kerberos-package.ts";
import { openTestWorker, REDIRECT_URI, type TestWorker } from "./worker-server.ts";

const PEOPLE = "ou=People,dc=example,dc=org";
const person = (uid: string) => `dn: uid=${uid},${PEOPLE}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid}
sn: ${uid}
mail: ${uid}@example.com
userPassword: secret of ${uid}
`;
// One account for each connector that signs somebody in: their ids are of different upstreams.
const LDIF = `dn: ${PEOPLE}
objectClass: organizationalUnit
ou: People

${["jdoe", "roe"].map(person).join("\n")}`;

let worker: TestWorker;
let slapd: RunningSlapd;
let installed: ReturnType<typeof installKerberosPackage>;
beforeAll(async () => {
  installed = installKerberosPackage();
  [worker, slapd] = await Promise.all([
    openTestWorker(["--enable-automatic-registration"]),
    startSlapd({ ldif: LDIF }),
  ]);
  const config = {
    host: `${slapd.host}:${slapd.port}`,
    insecureNoSSL: true,
    name: "Corporate directory",
    userSearch: { baseDN: PEOPLE, username: "uid", nameAttr: "cn" },
  };
  const kerberos = { enabled: true, keytabPath: installed.keytabPath };
  await worker.setConnectors([
    { id: "strict", type: "ldap", config: { ...config, kerberos } },
    { id: "lenient", type: "ldap", config: { ...config, kerberos: { ...kerberos, fallbackToPassword: true } } },
    { id: "unreadable", type: "ldap", config: { ...config, kerberos: { ...kerberos, keytabPath: "/nowhere" } } },
    { id: "off", type: "ldap", config: { ...config, kerberos: { ...kerberos, enabled: false } } },
  ]);
});
afterAll(async () => {
  await worker?.close();
  await slapd?.close();
  installed?.remove();
});

/** A browser of which cookies and headers are seen: it follows nothing by itself. */
function openProbe(connectorId: string, more: Readonly<Record<string, string>> = {}) {
  const cookies = new Map<string, string>();
  async function get(url: string, ticket?: string): Promise<Response> {
    const response = await fetch(url, {
      redirect: "manual",
      headers: {
        Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(ticket === undefined ? {} : { Authorization: `Negotiate ${Buffer.from(ticket).toString("base64")}` }),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      if (/Max-Age=0/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }
  return {
    cookies,
    get,
    /** From the authorization request to the address of the form. */
    async toForm(): Promise<string> {
      let url = worker.authorizationUrl({ connector_id: connectorId, ...more });
      while (!new URL(url).pathname.endsWith(`/auth/${connectorId}/login`)) {
        const response = await get(url);
        url = new URL(response.headers.get("Location") ?? "nowhere:", url).href;
      }
      return url;
    },
  };
}
let tickets = 0;
/** Each is another one, as a real one is: they hold the time. */
function ticketOf(principal: string): string {
  tickets += 1;
  return `ticket ${tickets} of ${principal}`;
}
const challengeOf = (response: Response) => response.headers.get("WWW-Authenticate");
const triedOf = (response: Response) =>
  response.headers.getSetCookie().filter((line) => line.startsWith("dex_spnego_tried"));
const hasForm = async (response: Response) => (await response.text()).includes("login-form");
const codeOf = (response: Response) => {
  const location = response.headers.get("Location") ?? "";
  return location.startsWith(REDIRECT_URI) ? new URL(location).searchParams.get("code") : null;
};

describe("without a fallback", () => {
  test("the browser is asked for a ticket, and there is no form (C 67)", async () => {
    const probe = openProbe("strict");
    const response = await probe.get(await probe.toForm());
    expect([response.status, challengeOf(response), triedOf(response)]).toEqual([401, "Negotiate", []]);
    expect(await hasForm(response)).toBe(false);
  });

  test("a good ticket signs in and opens a session of ours; no probe cookie is cleared (C 72, C 73, C 81)", async () => {
    const probe = openProbe("strict");
    const response = await probe.get(await probe.toForm(), ticketOf("jdoe@EXAMPLE.COM"));
    expect([response.status, challengeOf(response)]).toEqual([303, "Negotiate cmVwbHk="]);
    expect(codeOf(response)).not.toBeNull();
    expect(triedOf(response)).toEqual([]);
    expect([...probe.cookies.keys()].some((name) => name.startsWith("dex-session"))).toBe(true);
    // The session serves the next request, without a ticket.
    const next = await probe.get(worker.authorizationUrl({}));
    expect(codeOf(next)).not.toBeNull();
  });

  test("a ticket signs in once, on whichever worker", async () => {
    const ticket = ticketOf("jdoe@EXAMPLE.COM");
    const [first, second] = [openProbe("strict"), openProbe("strict")];
    expect(codeOf(await first.get(await first.toForm(), ticket))).not.toBeNull();
    expect((await second.get(await second.toForm(), ticket)).status).toBe(401);
  });

  test("a rejected ticket, or one of another realm, is a 401 (C 71, C 76)", async () => {
    const probe = openProbe("strict");
    const form = await probe.toForm();
    for (const ticket of ["nonsense", ticketOf("jdoe@OTHER.COM")]) {
      const response = await probe.get(form, ticket);
      expect([response.status, challengeOf(response)]).toEqual([401, "Negotiate"]);
      expect(await hasForm(response)).toBe(false);
    }
  });

  test("a good ticket of somebody whom the directory does not know is a 401 in general words (C 74)", async () => {
    const probe = openProbe("strict");
    const response = await probe.get(await probe.toForm(), ticketOf("nobody@EXAMPLE.COM"));
    const text = await response.text();
    expect(response.status).toBe(401);
    expect(text).toContain("did not sign you in");
    expect(text).not.toMatch(/nobody|entry|login-form/);
  });

  test("a directory that is down is said, logged, and no form is shown (C 75)", async () => {
    const probe = openProbe("strict");
    const form = await probe.toForm();
    await slapd.kill();
    const response = await probe.get(form, ticketOf("jdoe@EXAMPLE.COM"));
    await slapd.start();
    expect(response.status).toBe(503);
    expect(await hasForm(response)).toBe(false);
    expect(worker.log.some((line) => line.includes("sign-in refused") && line.includes("unavailable"))).toBe(true);
  });
});

describe("with a fallback", () => {
  test("the 401 remembers that it asked, and holds the form for who has no ticket (C 68)", async () => {
    const probe = openProbe("lenient");
    const response = await probe.get(await probe.toForm());
    expect([response.status, challengeOf(response)]).toEqual([401, "Negotiate"]);
    expect(triedOf(response)).toEqual(["dex_spnego_tried=1; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"]);
    expect(await hasForm(response)).toBe(true);
  });

  test("a browser that was asked a moment ago gets the form (C 69)", async () => {
    const probe = openProbe("lenient");
    const form = await probe.toForm();
    await probe.get(form);
    const response = await probe.get(form);
    expect([response.status, challengeOf(response), triedOf(response)]).toEqual([200, null, []]);
    expect(await hasForm(response)).toBe(true);
  });

  test("a rejected ticket, or one of another realm, leads to the form and leaves the cookie (C 70, C 76)", async () => {
    const probe = openProbe("lenient");
    const form = await probe.toForm();
    await probe.get(form);
    for (const ticket of ["nonsense", ticketOf("jdoe@OTHER.COM")]) {
      const response = await probe.get(form, ticket);
      expect([response.status, challengeOf(response), triedOf(response)]).toEqual([200, null, []]);
      expect(await hasForm(response)).toBe(true);
    }
  });

  test("a good ticket clears the cookie (C 73)", async () => {
    const probe = openProbe("lenient");
    const form = await probe.toForm();
    await probe.get(form);
    const response = await probe.get(form, ticketOf("roe@EXAMPLE.COM"));
    expect(codeOf(response)).not.toBeNull();
    expect(triedOf(response)).toEqual([expect.stringContaining("Max-Age=0")]);
  });

  test("a person types a password into the form of the 401 and is signed in", async () => {
    const browser: FormBrowser = worker.browser();
    const page = await browser.open(worker.authorizationUrl({ connector_id: "lenient" }));
    expect(page.status).toBe(401);
    const wrong = await browser.submit(page, { login: "roe", password: "wrong" }, { formId: "login-form" });
    expect(wrong.text).toContain("may be locked or your password may have expired");
    const end = await browser.submit(page, { login: "roe", password: "secret of roe" }, { formId: "login-form" });
    expect(end.url.searchParams.has("code")).toBe(true);
  });
});

test("a ticket forgives no wrong password: whoever guesses has not stopped (ACC-3)", async () => {
  const guess = async () => {
    const browser = worker.browser();
    const page = await browser.open(worker.authorizationUrl({ connector_id: "lenient" }));
    return browser.submit(page, { login: "roe", password: "wrong" }, { formId: "login-form" });
  };
  const signIn = async () => {
    const probe = openProbe("lenient");
    return codeOf(await probe.get(await probe.toForm(), ticketOf("roe@EXAMPLE.COM")));
  };
  for (let n = 0; n < 5; n += 1) {
    await guess();
    expect(await signIn()).not.toBeNull();
  }
  expect((await guess()).status).toBe(429);
});

test.each(["unreadable", "off"])("where Kerberos is %s the form is simply there (C 80)", async (connectorId) => {
  const probe = openProbe(connectorId);
  const response = await probe.get(await probe.toForm(), ticketOf("jdoe@EXAMPLE.COM"));
  expect([response.status, challengeOf(response)]).toEqual([200, null]);
  expect(await hasForm(response)).toBe(true);
  const told = worker.log.some((line) => line.includes("kerberos is off") && line.includes(`"${connectorId}"`));
  expect(told).toBe(connectorId === "unreadable");
});

test.each([{ prompt: "login" }, { max_age: "60" }])(
  "who must show that they are there types a password: %j",
  async (more) => {
    const probe = openProbe("strict", more);
    const response = await probe.get(await probe.toForm(), ticketOf("jdoe@EXAMPLE.COM"));
    expect([response.status, challengeOf(response)]).toEqual([200, null]);
    expect(await hasForm(response)).toBe(true);
  },
);

test("a ticket is one header, of one scheme", async () => {
  const probe = openProbe("strict");
  const form = await probe.toForm();
  for (const Authorization of ["Basic amRvZTp4", "Negotiate", "Negotiate !!", "NTLM TlRMTVNTUAAB"]) {
    const cookie = [...probe.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(form, { redirect: "manual", headers: { Authorization, Cookie: cookie } });
    expect([response.status, challengeOf(response)]).toEqual([401, "Negotiate"]);
  }
});
