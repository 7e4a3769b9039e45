// The token exchange of our own access tokens, RFC 8693: with less scope, by the service that takes them, and on behalf of somebody.
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACTOR, type ExchangeWorld, openExchangeWorld, TOKEN_EXCHANGE_GRANT, TYPES } from "./exchange-world.ts";
import type { TestClient } from "./worker-server.ts";

const GRANTS = ["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE_GRANT];

let world: ExchangeWorld;
/** Where people sign in. */
let front: TestClient;
/** What the front calls with their tokens, and what calls `back` with what it gets for them. */
let middle: TestClient;
let back: TestClient;
beforeAll(async () => {
  world = await openExchangeWorld();
  front = await world.worker.addClient({ clientName: "Front", trusted: true, grantTypes: GRANTS });
  middle = await world.worker.addClient({ clientName: "Middle", grantTypes: GRANTS, trustedPeers: [front.id] });
  back = await world.worker.addClient({ clientName: "Back", grantTypes: GRANTS, trustedPeers: [middle.id] });
});
afterAll(() => world.close());

const forMiddle = () => `openid email audience:server:client_id:${middle.id}`;
const subject = (token: string | undefined) => ({ subject_token: token ?? "", subject_token_type: TYPES.access });
const actor = (token: string | undefined) => ({ actor_token: token ?? "", actor_token_type: TYPES.access });
const ownCredentials = async (client: TestClient) =>
  (await world.worker.token({ grant_type: "client_credentials" }, client)).body.access_token;

describe("an access token", () => {
  test("is exchanged by its client for one that can do less, and not for one that can do more (TX-1, REF-9)", async () => {
    const { access_token } = await world.ownToken(front);
    const less = await world.exchange({ ...subject(access_token), scope: "openid" }, front);
    expect(less).toMatchObject({ status: 200, body: { scope: "openid", issued_token_type: TYPES.access } });
    expect(await world.introspect(less.body.access_token ?? "", front)).toMatchObject({
      active: true,
      scope: "openid",
    });
    for (const scope of ["openid profile", "openid offline_access", "things"]) {
      const more = await world.exchange({ ...subject(access_token), scope }, front);
      expect(more).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    }
    const widened = await world.exchange({ ...subject(less.body.access_token), scope: "openid email" }, front);
    expect(widened).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    const same = await world.exchange(subject(access_token), front);
    expect(same.body.scope).toBe("openid email");
  });

  test("is exchanged by the service that takes it, on and on, and each is told who it is about (TX-1)", async () => {
    const signedIn = await world.ownToken(front, forMiddle());
    const first = await world.exchange({ ...subject(signedIn.access_token), audience: back.id }, middle);
    expect(first).toMatchObject({ status: 200, body: { scope: `openid email audience:server:client_id:${back.id}` } });
    const told = await world.introspect(first.body.access_token ?? "", back);
    const { sub } = decodeJwt(signedIn.id_token ?? "");
    expect(told).toMatchObject({ active: true, sub, client_id: middle.id });
    expect(told).not.toHaveProperty("act");
    const id = { requested_token_type: TYPES.id };
    const second = await world.exchange({ ...subject(first.body.access_token), ...id }, back);
    const claims = decodeJwt(second.body.access_token ?? "");
    expect(claims).toMatchObject({ sub, aud: back.id, email: world.person.email, auth_time: expect.any(Number) });
    expect(claims).not.toHaveProperty("sid");
  });

  test("with an actor's names who acts, and whoever acted before (TX-1)", async () => {
    const signedIn = await world.ownToken(front, forMiddle());
    const fields = { ...subject(signedIn.access_token), ...actor(await ownCredentials(middle)), audience: back.id };
    const first = await world.exchange(fields, middle);
    const told = await world.introspect(first.body.access_token ?? "", back);
    expect(told).toMatchObject({ active: true, act: { sub: middle.id } });
    const next = { ...subject(first.body.access_token), ...actor(await ownCredentials(back)) };
    const second = await world.exchange({ ...next, requested_token_type: TYPES.id }, back);
    expect(decodeJwt(second.body.access_token ?? "").act).toEqual({ sub: back.id, act: { sub: middle.id } });
    // Who says nothing of an actor does not hide the one that there was.
    const silent = await world.exchange({ ...subject(first.body.access_token), requested_token_type: TYPES.id }, back);
    expect(decodeJwt(silent.body.access_token ?? "").act).toEqual({ sub: middle.id });
  });

  test("of a person lets that person act for another (RFC 8693 §1.1)", async () => {
    await world.addGrace();
    const ofGrace = await world.exchange(
      {
        ...{ connector_id: "corp", subject_token: await world.upstreamToken(), subject_token_type: TYPES.id },
        scope: "openid",
      },
      front,
    );
    const ofAda = await world.ownToken(front);
    const { sub } = decodeJwt(ofAda.id_token ?? "");
    const fields = { ...subject(ofGrace.body.access_token), ...actor(ofAda.access_token) };
    const { body } = await world.exchange({ ...fields, requested_token_type: TYPES.id }, front);
    expect(decodeJwt(body.access_token ?? "")).toMatchObject({ act: { sub } });
    expect(decodeJwt(body.access_token ?? "").sub).not.toBe(sub);
  });
});

describe("what was exchanged ends", () => {
  const chain = async () => {
    const signedIn = await world.ownToken(front, `${forMiddle()} offline_access`);
    const first = await world.exchange({ ...subject(signedIn.access_token), audience: back.id }, middle);
    const second = await world.exchange(subject(first.body.access_token), back);
    const isActive = async () => (await world.introspect(second.body.access_token ?? "", back)).active;
    expect(await isActive()).toBe(true);
    return { signedIn, first, second, isActive };
  };

  test("with the grant that it came of (TX-1, REV-1)", async () => {
    const { signedIn, second, isActive } = await chain();
    await world.revoke(signedIn.refresh_token ?? "", front);
    expect(await isActive()).toBe(false);
    expect(await world.exchange(subject(second.body.access_token), back)).toMatchObject({ status: 400 });
  });

  test("with the single token that it came of (TX-1, REV-1)", async () => {
    const { signedIn, isActive } = await chain();
    await world.revoke(signedIn.access_token ?? "", front);
    expect(await isActive()).toBe(false);
  });

  test("with one in between, and leaves what was before (TX-1)", async () => {
    const { signedIn, first, isActive } = await chain();
    await world.revoke(first.body.access_token ?? "", middle);
    expect(await isActive()).toBe(false);
    expect(await world.introspect(signedIn.access_token ?? "", front)).toMatchObject({ active: true });
  });

  test("with a client in between (TX-1, P5)", async () => {
    const passing = await world.worker.addClient({ grantTypes: GRANTS, trustedPeers: [front.id] });
    const last = await world.worker.addClient({ grantTypes: GRANTS, trustedPeers: [passing.id] });
    const signedIn = await world.ownToken(front, `openid audience:server:client_id:${passing.id}`);
    const first = await world.exchange({ ...subject(signedIn.access_token), audience: last.id }, passing);
    const second = await world.exchange(subject(first.body.access_token), last);
    const token = second.body.access_token ?? "";
    expect(await world.introspect(token, last)).toMatchObject({ active: true });
    await world.worker.storage.clients.delete(passing.id, ACTOR);
    expect(await world.introspect(token, last)).toEqual({ active: false });
  });

  test("when the token ends that it came of, whichever is shorter: the subject's or the actor's (TX-1)", async () => {
    const short = { clientName: "Short", trusted: true, grantTypes: GRANTS, details: { access_token_lifetime: 60 } };
    const brief = await world.worker.addClient(short);
    const long = await world.ownToken(brief);
    expect(long.expires_in).toBe(60);
    const patient = await world.worker.addClient({ grantTypes: GRANTS, trustedPeers: [front.id] });
    const passed = await world.ownToken(front, `openid audience:server:client_id:${patient.id}`);
    const alone = await world.exchange(subject(passed.access_token), patient);
    expect(alone.body.expires_in).toBeGreaterThan(500);
    const own = await world.exchange({ ...subject(long.access_token), requested_token_type: TYPES.id }, brief);
    expect(own.body.expires_in).toBeLessThanOrEqual(60);
  });
});

describe("nothing is exchanged", () => {
  test("for a token that was made for others (TX-1)", async () => {
    const { access_token } = await world.ownToken(front);
    expect(await world.exchange(subject(access_token), middle)).toMatchObject({
      status: 400,
      body: { error: "invalid_request" },
    });
    // Nor with somebody else's token as the actor's.
    const passed = await world.ownToken(front, forMiddle());
    const fields = { ...subject(passed.access_token), ...actor(await ownCredentials(front)) };
    expect(await world.exchange(fields, middle)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });

  test("for what is no access token of a person (TX-1, TOK-13)", async () => {
    const tokens = await world.ownToken(front, "openid offline_access");
    const others = [tokens.refresh_token, tokens.id_token, await ownCredentials(front), "x", "dxa_x", "a.b.c"];
    for (const token of others) {
      expect(await world.exchange(subject(token), front)).toMatchObject({ body: { error: "invalid_request" } });
    }
    for (const token of [tokens.refresh_token, tokens.id_token, "x"]) {
      const fields = { ...subject(tokens.access_token), ...actor(token) };
      expect(await world.exchange(fields, front)).toMatchObject({ body: { error: "invalid_request" } });
    }
    const asId = { ...subject(tokens.id_token), subject_token_type: TYPES.id };
    expect(await world.exchange(asId, front)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });

  test("for a token that was given back (TX-1, REV-1)", async () => {
    const { access_token } = await world.ownToken(front);
    await world.revoke(access_token ?? "", front);
    expect(await world.exchange(subject(access_token), front)).toMatchObject({ body: { error: "invalid_request" } });
    const credentials = await ownCredentials(front);
    await world.revoke(credentials ?? "", front);
    const fields = { ...subject((await world.ownToken(front)).access_token), ...actor(credentials) };
    expect(await world.exchange(fields, front)).toMatchObject({ body: { error: "invalid_request" } });
  });

  test("through a connector that the client may not use, or that is not for exchanges (TX-1, GHSA-7qjx-gp9h-65qj)", async () => {
    const more = { grantTypes: GRANTS, trustedPeers: [front.id], allowedConnectors: ["corp"] };
    const elsewhere = await world.worker.addClient(more);
    const passed = await world.ownToken(front, `openid audience:server:client_id:${elsewhere.id}`);
    expect(await world.exchange(subject(passed.access_token), elsewhere)).toMatchObject({
      body: { error: "invalid_grant" },
    });
  });

  test("for an audience that does not trust who exchanges, whatever the token was for (TOK-19)", async () => {
    const passed = await world.ownToken(front, forMiddle());
    // `back` trusts `middle`, and `front` is trusted by `middle` alone.
    const refused = await world.exchange({ ...subject(passed.access_token), audience: back.id }, front);
    expect(refused).toMatchObject({ status: 400, body: { error: "invalid_target" } });
  });

  test("more than ten times on (TX-1)", async () => {
    let token = (await world.ownToken(front)).access_token;
    for (let times = 0; times < 10; times += 1) {
      const { status, body } = await world.exchange(subject(token), front);
      expect(status).toBe(200);
      token = body.access_token;
    }
    expect(await world.exchange(subject(token), front)).toMatchObject({ body: { error: "invalid_request" } });
  });
});
