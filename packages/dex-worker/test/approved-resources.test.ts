// Resources (RFC 8707) and rich authorization requests (RFC 9396) where a person answers elsewhere than where it was asked: for
// devices (RFC 8628), and for clients that ask for people by name (CIBA Core).
import { queryDatabase } from "@dex/testing";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type BackchannelAnswer, CIBA_GRANT } from "./backchannel-world.ts";
import { DEVICE_CODE_GRANT } from "./device-world.ts";
import { makeKey, signWith } from "./discovery-calls/client-keys.ts";
import { type Answer, openResourceWorld, type ResourceWorld } from "./resource-world.ts";
import { PERSON, type TestClient } from "./worker-server.ts";

type Form = readonly (readonly [string, string])[];

let world: ResourceWorld;
let television: TestClient;
let caller: TestClient;
beforeAll(async () => {
  world = await openResourceWorld();
  const more = { redirectURIs: [], details: {} };
  television = await world.addClient({
    ...{ ...more, clientName: "Television", grantTypes: [DEVICE_CODE_GRANT, "refresh_token"] },
  });
  caller = await world.addClient({ ...more, clientName: "Call centre", grantTypes: [CIBA_GRANT, "refresh_token"] });
});
afterAll(() => world.close());
beforeEach(async () => {
  await queryDatabase(world.databaseUrl, "DELETE FROM attempt_count");
});

const PAYMENT = { type: "payment", amount: { currency: "EUR", value: "12.50" }, creditor: "<b>Eve</b> & sons" };
const OTHER = { type: "payment", amount: { currency: "EUR", value: "1.00" }, creditor: "Ada" };
const details = (...all: readonly unknown[]) => ["authorization_details", JSON.stringify(all)] as const;
const credentials = { login: PERSON.email, password: PERSON.password };

interface Waiting {
  readonly answer: Answer & { readonly body: Partial<BackchannelAnswer> };
  /** The page on which the person is asked, and what they answer there. */
  open(): Promise<{ text: string; decide(decision: "approve" | "deny"): Promise<void> }>;
  poll(form?: Form): Promise<Answer>;
}

/** How a client asks, how its person comes to the request, and how it gets its tokens. */
interface Way {
  readonly how: string;
  ask(form: Form): Promise<Waiting>;
}

const WAYS: readonly Way[] = [
  {
    how: "a device",
    async ask(form) {
      const answer = await world.post("/device/code", form, television);
      const { device_code: code = "", user_code: userCode = "" } = answer.body as Record<string, string>;
      const poll = (more: Form = []) =>
        world.token([["grant_type", DEVICE_CODE_GRANT], ["device_code", code], ...more], television);
      return { answer, poll, open: () => openApproval("/device", userCode, "device-approval-form") };
    },
  },
  {
    how: "a client that asks by name",
    async ask(form) {
      const answer = await world.post("/bc-authorize", [["login_hint", PERSON.email], ...form], caller);
      const { auth_req_id: id = "" } = answer.body as Record<string, string>;
      const poll = (more: Form = []) => world.token([["grant_type", CIBA_GRANT], ["auth_req_id", id], ...more], caller);
      const open = async () => {
        const [row] = await queryDatabase(
          world.databaseUrl,
          "SELECT request_id FROM device_request WHERE request_id IS NOT NULL ORDER BY created_at DESC LIMIT 1",
        );
        return openApproval(`/backchannel?request=${String(row?.request_id)}`, undefined, "backchannel-approval-form");
      };
      return { answer, poll, open };
    },
  },
];

async function openApproval(path: string, userCode: string | undefined, formId: string) {
  const browser = world.browser();
  const first = await browser.open(`${world.issuer}${path}`);
  const login =
    userCode === undefined ? first : await browser.submit(first, { user_code: userCode }, { formId: "device-form" });
  const page = await browser.submit(login, credentials, { formId: "login-form" });
  return {
    text: page.text,
    decide: async (decision: "approve" | "deny") => {
      await browser.submit(page, { decision }, { formId });
    },
  };
}

async function approved(way: Way, form: Form): Promise<Waiting> {
  const waiting = await way.ask(form);
  expect(waiting.answer.status).toBe(200);
  await (await waiting.open()).decide("approve");
  return waiting;
}

describe.each(WAYS)("$how", (way) => {
  test("gets a token for the resource that the person allowed, as the resource wants it (RFC 8707 §2.2)", async () => {
    const waiting = await approved(way, [
      ["scope", "openid read report"],
      ["resource", world.api],
    ]);
    const { status, body } = await waiting.poll();
    expect({ status, ...body }).toMatchObject({ status: 200, scope: "read", expires_in: 300 });
    expect(decodeJwt(body.access_token ?? "")).toMatchObject({ aud: world.api, scope: "read" });
    expect(body.id_token).toBeTypeOf("string");
  });

  test("asks for several, and gets a token for one at a time (RFC 8707 §2.2)", async () => {
    const waiting = await approved(way, [
      ["scope", "openid offline_access read report write"],
      ["resource", world.api],
      ["resource", world.reports],
    ]);
    const first = await waiting.poll([["resource", world.reports]]);
    expect(first).toMatchObject({ status: 200, body: { scope: "read report" } });
    expect(await world.introspect(first.body.access_token, world.reportServer)).toMatchObject({ aud: world.reports });
    const client = way.how === "a device" ? television : caller;
    const refresh = (resource: string) =>
      world.token(
        [
          ["grant_type", "refresh_token"],
          ["refresh_token", first.body.refresh_token ?? ""],
          ["resource", resource],
        ],
        client,
      );
    const second = await refresh(world.api);
    expect(decodeJwt(second.body.access_token ?? "")).toMatchObject({ aud: world.api, scope: "read write" });
    expect((await refresh(world.machines)).body.error).toBe("invalid_target");
  });

  test("cannot poll for more than was allowed, and spends nothing by trying (DEV-2)", async () => {
    const waiting = await approved(way, [["scope", "openid read"], ["resource", world.api], details(PAYMENT)]);
    const more = await waiting.poll([["resource", world.reports]]);
    expect([more.status, more.body.error]).toEqual([400, "invalid_target"]);
    const richer = await waiting.poll([details(PAYMENT, OTHER)]);
    expect([richer.status, richer.body.error]).toEqual([400, "invalid_authorization_details"]);
    expect((await waiting.poll()).status).toBe(200);
  });

  test("that asked for nothing at resources gets nothing there (DEV-2)", async () => {
    const waiting = await approved(way, [["scope", "openid"]]);
    expect((await waiting.poll([["resource", world.api]])).body.error).toBe("invalid_target");
    expect((await waiting.poll([details(PAYMENT)])).body.error).toBe("invalid_authorization_details");
    expect((await waiting.poll()).body).not.toHaveProperty("authorization_details");
  });

  test("gets what it asked for in objects, or less of it (RFC 9396 §6.1, §7)", async () => {
    const all = await approved(way, [["scope", "openid"], details(PAYMENT, OTHER)]);
    const { body } = await all.poll();
    expect(body.authorization_details).toEqual([PAYMENT, OTHER]);
    expect(decodeJwt(body.access_token ?? "")).toMatchObject({ authorization_details: [PAYMENT, OTHER] });
    const some = await approved(way, [["scope", "openid"], details(PAYMENT, OTHER)]);
    expect((await some.poll([details(OTHER)])).body.authorization_details).toEqual([OTHER]);
  });

  test("is shown to the person with every member of what it asks for, and no scope twice (RFC 9396 §3)", async () => {
    const waiting = await way.ask([
      ["scope", "openid read report"],
      ["resource", world.api],
      ["resource", world.reports],
      details(PAYMENT),
    ]);
    const { text } = await waiting.open();
    for (const word of ["The API", "Reports", "Pay somebody", "&lt;b&gt;Eve&lt;/b&gt; &amp; sons", "12.50"]) {
      expect(text).toContain(word);
    }
    expect(text).not.toContain("<b>Eve");
    expect(text.match(/<code>report<\/code>/g)).toHaveLength(1);
    // At either resource, and nowhere else.
    expect(text.match(/<code>read<\/code>/g)).toHaveLength(2);
  });

  test("that was denied gets nothing", async () => {
    const waiting = await way.ask([["scope", "openid read"], ["resource", world.api], details(PAYMENT)]);
    await (await waiting.open()).decide("deny");
    expect((await waiting.poll([["resource", world.api]])).body.error).toBe("access_denied");
  });

  const wrong: readonly { what: string; form: Form; error: string }[] = [
    { what: "an unknown resource", form: [["resource", "https://unknown.example/"]], error: "invalid_target" },
    { what: "a relative resource", form: [["resource", "/api"]], error: "invalid_target" },
    { what: "a resource for other clients", form: [["resource", "https://closed.example/"]], error: "invalid_target" },
    {
      what: "a good resource and a bad one",
      form: [
        ["resource", "https://api.example/"],
        ["resource", "https://api.example/#here"],
      ],
      error: "invalid_target",
    },
    {
      what: "six resources",
      form: Array.from({ length: 6 }, (_, number) => ["resource", `https://${number}.example/`] as const),
      error: "invalid_target",
    },
    { what: "no JSON", form: [["authorization_details", "[{"]], error: "invalid_authorization_details" },
    { what: "an unknown type", form: [details({ type: "rent" })], error: "invalid_authorization_details" },
    {
      what: "an unknown member",
      form: [details({ ...PAYMENT, surprise: 1 })],
      error: "invalid_authorization_details",
    },
    { what: "authorization_details twice", form: [details(PAYMENT), details(PAYMENT)], error: "invalid_request" },
    {
      what: "what holds a NUL",
      form: [["authorization_details", '[{"type":"payment","creditor":"\\u0000"}]']],
      error: "invalid_authorization_details",
    },
  ];
  test.each(wrong)(
    "is refused with $what, and nothing is stored (RFC 8707 §2, RFC 9396 §5)",
    async ({ form, error }) => {
      const before = await queryDatabase(world.databaseUrl, "SELECT count(*)::int AS rows FROM device_request");
      const { answer } = await way.ask([["scope", "openid read"], ...form]);
      expect([answer.status, answer.body.error]).toEqual([400, error]);
      expect(await queryDatabase(world.databaseUrl, "SELECT count(*)::int AS rows FROM device_request")).toEqual(
        before,
      );
    },
  );

  test("does not have parameters of resources in its URL, where they would end in a log (TOK-7)", async () => {
    const path = way.how === "a device" ? "/device/code" : "/bc-authorize";
    const client = way.how === "a device" ? television : caller;
    const answer = await world.post(`${path}?resource=${encodeURIComponent(world.api)}`, [["scope", "openid"]], client);
    expect([answer.status, answer.body.error]).toEqual([400, "invalid_request"]);
  });

  test("gets nothing at a resource that is no longer there", async () => {
    const identifier = `https://passing.example/${way.how.length}`;
    await world.register({ identifier, name: "Passing", scopes: ["pass"] });
    const waiting = await way.ask([
      ["scope", "openid pass"],
      ["resource", identifier],
    ]);
    await (await waiting.open()).decide("approve");
    await world.remove(identifier);
    expect((await waiting.poll([["resource", identifier]])).body.error).toBe("invalid_target");
    expect((await waiting.poll()).body).toMatchObject({ scope: "openid" });
  });
});

test("a device need not ask who the person is when it asks for a resource, and a client that asks by name must (CIBA Core §7.1)", async () => {
  const [device, byName] = WAYS;
  if (device === undefined || byName === undefined) throw new Error("expected both ways");
  const form: Form = [
    ["scope", "read"],
    ["resource", world.api],
  ];
  const { body } = await (await approved(device, form)).poll();
  expect(body).toMatchObject({ scope: "read" });
  expect(body).not.toHaveProperty("id_token");
  expect((await byName.ask(form)).answer.body.error).toBe("invalid_scope");
});

test("a signed request of a client that asks by name holds resources and objects as JSON (CIBA Core §7.1.1, RFC 9396 §5)", async () => {
  const key = await makeKey("PS256");
  const signer = await world.addClient({
    ...{ redirectURIs: [], grantTypes: [CIBA_GRANT] },
    details: { backchannel_authentication_request_signing_alg: "PS256", jwks: { keys: [key.jwk] } },
  });
  const ask = async (claims: Readonly<Record<string, unknown>>, beside: Form = []) => {
    const iat = Math.floor(Date.now() / 1000);
    const jwt = { iss: signer.id, aud: world.issuer, iat, nbf: iat, exp: iat + 60, jti: crypto.randomUUID() };
    const asked = { scope: "openid read", login_hint: PERSON.email, ...claims };
    return world.post("/bc-authorize", [["request", await signWith(key, { ...jwt, ...asked })], ...beside], signer);
  };
  const resource = [world.api, world.reports];
  expect((await ask({ resource, authorization_details: [PAYMENT] })).status).toBe(200);
  expect((await ask({ resource: world.api, authorization_details: JSON.stringify([PAYMENT]) })).status).toBe(200);
  const [row] = await queryDatabase(
    world.databaseUrl,
    "SELECT asked, terms FROM device_request ORDER BY created_at DESC LIMIT 1",
  );
  expect(row).toEqual({
    asked: { resources: [{ identifier: world.api, scope: ["read"] }], authorizationDetails: [PAYMENT] },
    terms: null,
  });
  for (const [claims, error] of [
    [{ resource: [1] }, "invalid_request"],
    [{ resource: { a: 1 } }, "invalid_request"],
    [{ authorization_details: { type: "payment" } }, "invalid_request"],
    [{ authorization_details: [1] }, "invalid_authorization_details"],
    [{ resource: "https://unknown.example/" }, "invalid_target"],
  ] as const) {
    expect((await ask(claims)).body.error).toBe(error);
  }
  // What is outside of the signature is nobody's word.
  expect((await ask({}, [["resource", world.api]])).body.error).toBe("invalid_request");
  expect((await ask({}, [details(PAYMENT)])).body.error).toBe("invalid_request");
});

test("more than a person could be shown is refused (RFC 9396 §5)", async () => {
  const long = Array.from({ length: 4 }, (_, number) => `https://long.example/${number}${"x".repeat(450)}`);
  for (const identifier of long) await world.register({ identifier, name: "Long", scopes: [] });
  const form: Form = [["scope", "openid"], ...long.map((one) => ["resource", one] as const)];
  const large = details({ ...PAYMENT, creditor: "x".repeat(2800) });
  for (const way of WAYS) {
    expect((await way.ask([...form, large])).answer.body.error).toBe("invalid_request");
    const { answer, open } = await way.ask(form);
    expect(answer.status).toBe(200);
    expect((await open()).text).toContain("Long");
  }
});
