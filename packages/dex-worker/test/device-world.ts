// Devices without a browser, and the people who let them sign in.
import type { FormBrowser, Page } from "@dex/testing";
import { z } from "zod";
import { PERSON, type TestClient, type TestWorker, type TokenBody } from "./worker-server.ts";

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** RFC 8628 §3.2, all of its members. */
const deviceAnswer = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.number(),
  interval: z.number(),
});
export type DeviceAnswer = z.infer<typeof deviceAnswer>;

export function makeDeviceWorld(worker: TestWorker) {
  const credentials = { login: PERSON.email, password: PERSON.password };

  async function post(path: string, fields: Readonly<Record<string, string>>, client: TestClient, url?: string) {
    const authorization = `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${client.secret}`).toString("base64")}`;
    const response = await fetch(url ?? `${worker.issuer}${path}`, {
      method: "POST",
      ...(client.secret === "" ? {} : { headers: { Authorization: authorization } }),
      body: new URLSearchParams(client.secret === "" ? { client_id: client.id, ...fields } : fields),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenBody };
  }

  return {
    /** A television: it can keep no secret. */
    addDevice: (more: Readonly<Record<string, unknown>> = {}) =>
      worker.addClient({
        public: true,
        clientName: "Television",
        redirectURIs: [],
        grantTypes: [DEVICE_CODE_GRANT, "refresh_token"],
        ...more,
      }),

    ask: (client: TestClient, fields: Readonly<Record<string, string>> = {}) => post("/device/code", fields, client),

    async askWell(client: TestClient, fields: Readonly<Record<string, string>> = {}): Promise<DeviceAnswer> {
      const { status, body } = await post("/device/code", fields, client);
      if (status !== 200) throw new Error(`expected a device code, found ${JSON.stringify(body)}`);
      return deviceAnswer.parse(body);
    },

    /** `url`: of another worker's token endpoint. */
    poll: (client: TestClient, deviceCode: string, fields: Readonly<Record<string, string>> = {}, url?: string) =>
      post("/token", { grant_type: DEVICE_CODE_GRANT, device_code: deviceCode, ...fields }, client, url),

    async enter(browser: FormBrowser, userCode: string): Promise<Page> {
      const page = await browser.open(`${worker.issuer}/device`);
      return browser.submit(page, { user_code: userCode }, { formId: "device-form" });
    },

    /** From the code to the approval page, with a password. */
    async enterAndSignIn(browser: FormBrowser, userCode: string): Promise<Page> {
      const page = await this.enter(browser, userCode);
      return browser.submit(page, credentials, { formId: "login-form" });
    },

    answer: (browser: FormBrowser, page: Page, decision: "approve" | "deny") =>
      browser.submit(page, { decision }, { formId: "device-approval-form" }),

    credentials,
  };
}
