// A provider as a tester of certification wants it, and the clients of the tester: an https issuer, registration with an
// initial access token, one person with a value for every standard claim.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { openHttpServer } from "@dex/runtime";
import { type FormBrowser, makePrivateAuthority, openFormBrowser } from "@dex/testing";
import * as oauth from "oauth4webapi";
import { expect } from "vitest";
import type { RESPONSE_TYPES } from "./answer-receiver.ts";
import {
  checkDiscovery,
  checkJwks,
  checkRegistrationAnswer,
  type Jwk,
  readJsonAnswer,
} from "./certification-checks.ts";
import { changePerson } from "./person.ts";
import { openTestWorker, type TestClient, type TestWorker } from "./worker-server.ts";

/** What a module of a plan is run with. */
export interface Variant {
  readonly variant: string;
  readonly responseType: (typeof RESPONSE_TYPES)[number];
  readonly responseMode: "form_post" | undefined;
}

function variantsOf(types: readonly Variant["responseType"][]): readonly Variant[] {
  return types.flatMap((responseType) => [
    { variant: responseType, responseType, responseMode: undefined },
    { variant: `${responseType} by form_post`, responseType, responseMode: "form_post" as const },
  ]);
}

/** The plans, each with its form post plan. */
export const BASIC = variantsOf(["code"]);
export const IMPLICIT = variantsOf(["id_token", "id_token token"]);
export const HYBRID = variantsOf(["code id_token", "code token", "code id_token token"]);
export const EVERY = [...BASIC, ...IMPLICIT, ...HYBRID];

export function has({ responseType }: Variant, word: "code" | "token" | "id_token"): boolean {
  return responseType.split(" ").includes(word);
}
export const withCode = EVERY.filter((one) => has(one, "code"));
export const withAccessToken = EVERY.filter((one) => one.responseType !== "id_token");

export const TESTER = "https://tester.example/test/a/dex";
export const PROFILE = {
  ...{ given_name: "Ada", family_name: "Lovelace", middle_name: "King", nickname: "ada", preferred_username: "ada" },
  ...{ profile: "https://ada.example/", picture: "https://ada.example/me.png", website: "https://ada.example/blog" },
  ...{ gender: "female", birthdate: "1815-12-10", zoneinfo: "Europe/London", locale: "en-GB" },
  ...{ phone_number: "+44 20 7946 0000", phone_number_verified: true },
  address: {
    ...{ formatted: "12 St James's Square\nLondon SW1Y 4JH", street_address: "12 St James's Square" },
    ...{ locality: "London", region: "Greater London", postal_code: "SW1Y 4JH", country: "GB" },
  },
};

/** A client of the tester that runs one variant. */
export interface Party extends Variant {
  readonly id: string;
  readonly secret: string;
  readonly authMethod: "client_secret_basic" | "client_secret_post";
  readonly redirectUri: string;
}

export interface CertificationWorld {
  readonly worker: TestWorker;
  readonly metadata: oauth.AuthorizationServer;
  readonly keys: readonly Jwk[];
  /** Registers a client as the tests of dynamic clients do, with `more` in the metadata. */
  register(variant: Variant, more?: Readonly<Record<string, unknown>>): Promise<Party>;
  /** An administrator's client, with `details` in its metadata. */
  addStatic(variant: Variant, details?: Readonly<Record<string, unknown>>): Promise<Party>;
  /** Asks for a registration that may be refused. */
  tryToRegister(metadata: Readonly<Record<string, unknown>>): Promise<Response>;
  /** Another person at another computer. */
  browser(): FormBrowser;
  /** An https address of the tester, and what puts a text there. */
  publish(): { readonly url: string; put(text: string): void };
  /** Deletes what registered itself, and ends all. */
  close(): Promise<void>;
}

const FLAGS = [
  "--enable-front-channel-tokens",
  "--insecure-remember-registered-clients", // else nobody is answered at prompt=none
  "--enable-client-registration",
  "--insecure-private-client-addresses", // the tester's own address is this machine
];
const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const CLIENT_KEYS = { keys: [{ ...publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "tester-1" }] };

/** The grants that a response type needs, OIDC Registration §2. */
export function grantsOf(variant: Variant): readonly string[] {
  const inBrowser = has(variant, "token") || has(variant, "id_token");
  return [...(has(variant, "code") ? ["authorization_code"] : []), ...(inBrowser ? ["implicit"] : [])];
}

export async function openCertificationWorld(): Promise<CertificationWorld> {
  const authority = makePrivateAuthority();
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, authority.ca]);
  const initialToken = randomBytes(32).toString("base64");
  const worker = await openTestWorker(
    [...FLAGS, `--client-registration-tokens=${initialToken}`],
    "/dex",
    authority.server,
  );
  await changePerson(worker, { profile: PROFILE });
  const texts: string[] = [];
  const { cert, key } = authority.server;
  const tester = await openHttpServer({
    listen: new URL("https://127.0.0.1:0"),
    tls: { cert: Buffer.from(cert), key: Buffer.from(key) },
    handler: (request, response) => void response.end(texts[Number(request.url?.slice(1))]),
  });
  const { metadata, keys } = await discover(worker.issuer);
  const registrations: { readonly uri: string; readonly token: string }[] = [];

  const tryToRegister = (given: Readonly<Record<string, unknown>>) =>
    fetch(String(metadata.registration_endpoint), {
      method: "POST",
      headers: { Authorization: `Bearer ${initialToken}`, "Content-Type": "application/json" },
      body: JSON.stringify(given),
    });

  return {
    worker,
    metadata,
    keys,
    tryToRegister,
    async register(variant, more = {}) {
      const redirectUri = `${TESTER}/callback`;
      const answer = await readJsonAnswer(
        await tryToRegister({
          client_name: `Tester of ${variant.variant}`,
          grant_types: grantsOf(variant),
          response_types: [variant.responseType],
          redirect_uris: [redirectUri],
          contacts: ["tester@example.com"],
          jwks: CLIENT_KEYS,
          token_endpoint_auth_method: "client_secret_basic",
          ...more,
        }),
      );
      checkRegistrationAnswer(answer);
      const { body } = answer;
      registrations.push({ uri: String(body.registration_client_uri), token: String(body.registration_access_token) });
      return toParty(variant, { id: String(body.client_id), secret: String(body.client_secret) }, body);
    },
    async addStatic(variant, details = {}) {
      const client = await worker.addClient({
        clientName: `Tester of ${variant.variant}`,
        redirectURIs: [`${TESTER}/callback`],
        grantTypes: [...grantsOf(variant), ...(has(variant, "code") ? ["refresh_token"] : [])],
        details: { response_types: [variant.responseType], ...details },
      });
      return toParty(variant, client, details);
    },
    browser: () => openFormBrowser({ stopAt: [new URL(TESTER).origin] }),
    publish() {
      const at = texts.push("") - 1;
      return {
        url: `${tester.url.origin}/${at}`,
        put: (text) => {
          texts[at] = text;
        },
      };
    },
    async close() {
      const deleted = registrations.map(({ uri, token }) =>
        fetch(uri, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }),
      );
      for (const { status } of await Promise.all(deleted)) expect(status).toBe(204);
      await tester.close(0);
      await worker.close();
      setDefaultCACertificates(trusted);
    },
  };
}

function toParty(variant: Variant, { id, secret }: TestClient, more: Readonly<Record<string, unknown>>): Party {
  const authMethod = more.token_endpoint_auth_method === "client_secret_post" ? "client_secret_post" : undefined;
  const [redirectUri = `${TESTER}/callback`] = (more.redirect_uris ?? []) as readonly string[];
  return { ...variant, id, secret, authMethod: authMethod ?? "client_secret_basic", redirectUri };
}

async function discover(issuer: string) {
  const response = await oauth.discoveryRequest(new URL(issuer));
  const answer = await readJsonAnswer(response.clone());
  for (const authMethod of ["client_secret_basic", "client_secret_post"]) checkDiscovery({ ...answer, authMethod });
  const metadata = await oauth.processDiscoveryResponse(new URL(issuer), response);
  const { keys } = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: readonly Jwk[] };
  checkJwks(keys);
  return { metadata, keys };
}
