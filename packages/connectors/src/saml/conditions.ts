// Whether a verified assertion is for us, from whom we asked, about what we asked, and now (SAM-6). Pure: values in, a
// refusal thrown or what was found out.
import type { Element } from "@xmldom/xmldom";
import { invalidAnswer } from "../login-refused.ts";
import { ASSERTION, BEARER, PROTOCOL, SUCCESS } from "./names.ts";
import { attribute, children, childrenNamed, isNamed, plainText, requiredChild, soleChild } from "./strict-xml.ts";

export const CLOCK_SKEW_SECONDS = 30;

export interface Expected {
  readonly callbackUrl: string;
  readonly audience: string;
  /** The entity id of the identity provider; undefined: whoever has the configured certificate. */
  readonly issuer: string | undefined;
  readonly requestId: string;
}

export interface AcceptedAssertion {
  readonly id: string;
  readonly issuer: string;
  /** When it may not be shown again: then it is too old. */
  readonly usableUntil: Date;
  readonly authTime: Date | undefined;
}

/** Response and assertion are checked alike, whichever of them is signed. Throws LoginRefused. */
export function checkConditions(
  response: Element,
  assertion: Element,
  expected: Expected,
  now: Date,
): AcceptedAssertion {
  checkResponse(response, expected);
  if (attribute(assertion, "Version") !== "2.0") throw invalidAnswer("the assertion is not of SAML 2.0");
  const id = attribute(assertion, "ID") ?? "";
  if (id === "" || id.length > 256) throw invalidAnswer("the assertion has no ID");
  const issuer = plainText(requiredChild(assertion, ASSERTION, "Issuer"));
  if (expected.issuer !== undefined && issuer !== expected.issuer)
    throw invalidAnswer("the assertion has another Issuer");
  const outer = issuerOf(response);
  if (outer !== undefined && outer !== issuer) throw invalidAnswer("response and assertion have different Issuers");
  const usableUntil = checkSubject(requiredChild(assertion, ASSERTION, "Subject"), expected, now);
  checkAudience(requiredChild(assertion, ASSERTION, "Conditions"), expected, now);
  return { id, issuer, usableUntil, authTime: authTimeOf(assertion, now) };
}

function checkResponse(response: Element, { callbackUrl, requestId }: Expected): void {
  if (attribute(response, "Version") !== "2.0") throw invalidAnswer("the answer is not of SAML 2.0");
  const status = requiredChild(requiredChild(response, PROTOCOL, "Status"), PROTOCOL, "StatusCode");
  if (attribute(status, "Value") !== SUCCESS) throw invalidAnswer("the answer has a status other than Success");
  const inResponseTo = attribute(response, "InResponseTo");
  if (inResponseTo !== requestId) throw invalidAnswer("the answer is to another request");
  const destination = attribute(response, "Destination");
  if (destination !== undefined && destination !== "" && destination !== callbackUrl) {
    throw invalidAnswer("the answer has another Destination");
  }
}

function issuerOf(response: Element): string | undefined {
  const issuer = soleChild(response, ASSERTION, "Issuer");
  return issuer === undefined ? undefined : plainText(issuer);
}

/** One confirmation must hold in every point (SAML profiles §4.1.4.2). Returns until when. */
function checkSubject(subject: Element, { callbackUrl, requestId }: Expected, now: Date): Date {
  const bearers = childrenNamed(subject, ASSERTION, "SubjectConfirmation").filter(
    (confirmation) => attribute(confirmation, "Method") === BEARER,
  );
  if (bearers.length === 0) throw invalidAnswer("the assertion has no bearer confirmation");
  const wrong: string[] = [];
  for (const bearer of bearers) {
    const data = requiredChild(bearer, ASSERTION, "SubjectConfirmationData");
    const until = timeOf(data, "NotOnOrAfter");
    if (attribute(data, "InResponseTo") !== requestId) wrong.push("InResponseTo");
    else if (attribute(data, "Recipient") !== callbackUrl) wrong.push("Recipient");
    else if (until === undefined) wrong.push("NotOnOrAfter");
    else if (!isCurrent(data, now)) wrong.push("its time");
    else return until;
  }
  throw invalidAnswer(`the confirmation of the subject is wrong in ${[...new Set(wrong)].join(", ")}`);
}

function checkAudience(conditions: Element, { audience }: Expected, now: Date): void {
  if (!isCurrent(conditions, now)) throw invalidAnswer("the assertion is not valid yet, or no longer");
  const unknown = children(conditions).find(
    (condition) =>
      !["AudienceRestriction", "OneTimeUse", "ProxyRestriction"].some((name) => isNamed(condition, ASSERTION, name)),
  );
  if (unknown !== undefined) throw invalidAnswer("the assertion has a condition that is unknown here");
  const restrictions = childrenNamed(conditions, ASSERTION, "AudienceRestriction");
  const ours = restrictions.every((restriction) =>
    childrenNamed(restriction, ASSERTION, "Audience").some((one) => plainText(one) === audience),
  );
  if (restrictions.length === 0 || !ours) throw invalidAnswer("the assertion is for another audience");
}

/** When the person proved who they are. There must be one statement of it: an assertion without is no sign-in. */
function authTimeOf(assertion: Element, now: Date): Date | undefined {
  const [statement] = childrenNamed(assertion, ASSERTION, "AuthnStatement");
  if (statement === undefined) throw invalidAnswer("the assertion does not say that somebody signed in");
  const sessionEnds = timeOf(statement, "SessionNotOnOrAfter");
  if (sessionEnds !== undefined && isOver(sessionEnds, now)) throw invalidAnswer("the session upstream is over");
  const at = timeOf(statement, "AuthnInstant");
  return at === undefined || at > now ? undefined : at;
}

function isCurrent(element: Element, now: Date): boolean {
  const notBefore = timeOf(element, "NotBefore");
  const notOnOrAfter = timeOf(element, "NotOnOrAfter");
  const early = notBefore !== undefined && notBefore.getTime() > now.getTime() + CLOCK_SKEW_SECONDS * 1000;
  return !early && !(notOnOrAfter !== undefined && isOver(notOnOrAfter, now));
}

function isOver(end: Date, now: Date): boolean {
  return end.getTime() + CLOCK_SKEW_SECONDS * 1000 <= now.getTime();
}

/** SAML core §1.3.3: xs:dateTime in UTC. What a parser of ours would guess at is refused. */
function timeOf(element: Element, name: string): Date | undefined {
  const text = attribute(element, name);
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text) ? new Date(text) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) throw invalidAnswer(`${name} is no time`);
  return time;
}
