import { readForm } from "@dex/testing";
import { FLOORS } from "../floor.ts";
import type { HttpAnswer, HttpClient } from "../http-client.ts";
import type { Scenario } from "../scenario.ts";
import type { BenchmarkUser } from "../system.ts";
import { newAttempt, redeemCode } from "./authorization-code.ts";
import { userOfLane } from "./signed-in-lane.ts";

let addresses = 0;

/** GET /auth -> GET the form -> POST it -> code -> POST /token, each time as a new browser. */
export const signInWithPassword: Scenario = {
  name: "sign-in-with-password",
  title: "sign-in with a password",
  floor: FLOORS.signInWithPassword,
  async openLane({ system, http, index }) {
    const user = userOfLane(system, index);
    return async () => {
      const attempt = newAttempt(system, "openid email");
      const to = await submitPassword(http, attempt.url, user);
      const { proof } = await redeemCode({ system, http, user }, attempt, to);
      return proof;
    };
  },
};

/** Where the browser is sent after the right password. */
async function submitPassword(http: HttpClient, authorizationUrl: string, user: BenchmarkUser): Promise<URL> {
  const toForm = await http.send({ url: authorizationUrl });
  const formUrl = locationOf(toForm, authorizationUrl);
  const cookie = (toForm.headers["set-cookie"] ?? []).map((line) => line.split(";", 1)[0]).join("; ");
  const page = await http.send({ url: formUrl.href, headers: { cookie } });
  const form = readForm({ status: page.status, url: formUrl, headers: new Headers(), text: page.body }, "login-form");
  const fields = new URLSearchParams([...form.fields]);
  fields.set("login", user.email);
  fields.set("password", user.password);
  const answer = await http.send({
    method: "POST",
    url: form.action.href,
    headers: {
      cookie,
      origin: form.action.origin,
      "sec-fetch-site": "same-origin",
      "x-forwarded-for": nextAddress(),
    },
    form: fields,
  });
  return locationOf(answer, form.action.href);
}

function locationOf({ status, headers, body }: HttpAnswer, base: string): URL {
  if (status === 303 && headers.location !== undefined) return new URL(headers.location, base);
  const heading = /<h1[^>]*>([^<]*)/.exec(body)?.[1];
  throw new Error(`${new URL(base).pathname}: found status ${status} (${heading}), expected a redirect`);
}

/** Each sign-in from an address of its own: many people, not one who tries many passwords. */
function nextAddress(): string {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
}
