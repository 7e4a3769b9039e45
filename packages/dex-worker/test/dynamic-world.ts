// A worker at an https issuer, clients that register themselves, and their addresses: what a tester of the Dynamic and logout
// profiles of OpenID Connect brings along. Relying parties are openid-client.
import { randomBytes } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import {
  type FormBrowser,
  makePrivateAuthority,
  openFormBrowser,
  type Page,
  type PrivateAuthority,
} from "@dex/testing";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import * as openid from "openid-client";
import { expect } from "vitest";
import { checkRegistrationAnswer, readJsonAnswer } from "./certification-checks.ts";
import { type OpenedAddress, openAddress } from "./client-address.ts";
import { openTestWorker, PERSON, type TestWorker } from "./worker-server.ts";

/** Nobody listens there: the browsers stop at it. */
export const CALLBACK = "https://tester.example/test/a/dex/callback";

export type Members = Readonly<Record<string, unknown>>;

export interface Registered {
  readonly id: string;
  readonly secret: string;
  /** The whole answer. */
  readonly body: Members;
}

export interface ClientKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export interface DynamicWorld {
  readonly worker: TestWorker;
  readonly authority: PrivateAuthority;
  readonly address: OpenedAddress;
  post(metadata: Members): Promise<Response>;
  /** Registers for the response type, and deletes itself when the world closes. */
  register(responseType: string, more?: Members): Promise<Registered>;
  /** Through sign-in and consent, as far as they are asked for, to where the browser ends. */
  authorize(parameters: Members, browser?: FormBrowser): Promise<Page>;
  browser(): FormBrowser;
  close(): Promise<void>;
}

export async function openDynamicWorld(flags: readonly string[] = []): Promise<DynamicWorld> {
  const trusted = getCACertificates("default");
  const authority = makePrivateAuthority();
  setDefaultCACertificates([...trusted, authority.ca]);
  const initialToken = randomBytes(32).toString("base64");
  const registration = ["--enable-client-registration", `--client-registration-tokens=${initialToken}`];
  const reach = ["--enable-front-channel-tokens", "--insecure-private-client-addresses"];
  const worker = await openTestWorker([...registration, ...reach, ...flags], "/dex", authority.server);
  const address = await openAddress(authority.server);
  const deletions: (() => Promise<Response>)[] = [];

  const post: DynamicWorld["post"] = (metadata) =>
    fetch(`${worker.issuer}/registration`, {
      method: "POST",
      headers: { Authorization: `Bearer ${initialToken}`, "Content-Type": "application/json" },
      body: JSON.stringify({ client_name: "tester", redirect_uris: [CALLBACK], ...metadata }),
    });

  async function authorize(parameters: Members, browser = openBrowser()): Promise<Page> {
    const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(present.map(([name, value]): [string, string] => [name, String(value)]));
    let page = await browser.open(`${worker.issuer}/auth?${query}`);
    if (page.text.includes('id="login-form"')) {
      page = await browser.submit(page, { login: PERSON.email, password: PERSON.password }, { formId: "login-form" });
    }
    if (page.text.includes('id="consent-form"')) {
      page = await browser.submit(page, { decision: "approve" }, { formId: "consent-form" });
    }
    return page;
  }

  return {
    worker,
    authority,
    address,
    post,
    async register(responseType, more = {}) {
      const words = responseType.split(" ");
      const grants = [
        ...(words.includes("code") ? ["authorization_code"] : []),
        ...(responseType === "code" ? [] : ["implicit"]),
      ];
      const response = await post({ response_types: [responseType], grant_types: grants, ...more });
      const answer = await readJsonAnswer(response);
      checkRegistrationAnswer(answer);
      const { body } = answer;
      const headers = { Authorization: `Bearer ${String(body.registration_access_token)}` };
      deletions.push(() => fetch(String(body.registration_client_uri), { method: "DELETE", headers }));
      return { id: String(body.client_id), secret: String(body.client_secret ?? ""), body };
    },
    authorize,
    browser: openBrowser,
    async close() {
      for (const gone of deletions) expect((await gone()).status).toBe(204);
      await address.close();
      await worker.close();
      setDefaultCACertificates(trusted);
    },
  };
}

const openBrowser = () => openFormBrowser({ stopAt: ["https://tester.example/"] });

/** What stands behind the redirect_uri: in the query for code, in the fragment for the others. */
export function answerIn({ url }: Page, responseType: string): Readonly<Record<string, string>> {
  const [here, there] = responseType === "code" ? [url.search, url.hash] : [url.hash, url.search];
  for (const name of ["code", "error"]) expect(new URLSearchParams(there.slice(1)).get(name)).toBeNull();
  return Object.fromEntries(new URLSearchParams(here.slice(1)));
}

export async function makeClientKey(kid: string): Promise<ClientKey> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: "sig", alg: "RS256" } };
}

export function sign(claims: Members, { privateKey, kid }: ClientKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

/** openid-client as this client. It insists on https, and on every hash of the response type. */
export function relyingParty(
  { worker }: DynamicWorld,
  client: Registered,
  responseType: string,
  authentication: openid.ClientAuth,
  metadata: Partial<openid.ClientMetadata> = {},
): Promise<openid.Configuration> {
  const execute =
    responseType === "code id_token"
      ? [openid.useCodeIdTokenResponseType, openid.enableDetachedSignatureResponseChecks]
      : [];
  return openid.discovery(new URL(worker.issuer), client.id, metadata, authentication, { execute });
}
