// OpenID Connect Core: signing in.
import type { Document } from "./must.ts";

export const openidSignIn: readonly Document[] = [
  {
    name: "OpenID Connect Core 1.0, sections 2 to 4",
    title: "Signing in",
    musts: [
      {
        section: "2",
        must: "say iss, sub, aud, exp and iat in every ID token",
        heldBy: ["checkIdToken", "with a client that registered itself"],
      },
      {
        section: "2",
        must: "make sub at most 255 ASCII characters, never another person's",
        heldBy: [
          "the subject of a public client is the user's id (JWT-8",
          "deleting takes everything of the user along, and the id is never given away again",
        ],
        different:
          "with the subject format of dex v2 it is as long as dex v2 made it, so that its clients know everybody again",
      },
      {
        section: "2",
        must: "say auth_time where max_age or auth_time was asked for",
        heldBy: ["auth_time when $when (AUT-5, OIDC Core §2)", "signs in again when max_age has passed"],
      },
      {
        section: "2",
        must: "give the nonce of the request back unchanged",
        heldBy: ["a nonce that nobody sent", "a code becomes tokens with one round trip and one signature"],
      },
      {
        section: "2",
        must: "name in azp for whom a token with several audiences was made",
        heldBy: ["asked for $asked, aud is $aud and azp $azp"],
      },
      {
        section: "2",
        must: "sign every ID token",
        heldBy: ["no ID token is unsigned: none is not listed, and nobody registers for it"],
      },
      {
        section: "2",
        must: "send no key by address or certificate in the header of an ID token",
        heldBy: ["a token signed with %s names the active key and verifies against the published ones"],
      },
      { section: "3.1.2.1", must: "take requests by GET and by POST", heldBy: ["the request may be posted as a form"] },
      {
        section: "3.1.2.1",
        must: "demand scope with openid, response_type, client_id and redirect_uri",
        heldBy: ["scope lacks openid", "redirect_uri is missing", "response_type is missing"],
      },
      {
        section: "3.1.2.1",
        must: "ignore scopes that it does not know",
        heldBy: ["scope $asked of $clientId becomes $granted"],
      },
      {
        section: "3.1.2.1",
        must: "show no page at prompt=none",
        heldBy: ["prompt=$prompt with session $session is answered $error, without a page"],
      },
      { section: "3.1.2.1", must: "refuse none beside another prompt", heldBy: ["AUT-4, OIDC Core §3.1.2.1"] },
      {
        section: "3.1.2.1",
        must: "ask for credentials again at prompt=login",
        heldBy: ["%j asks for the password again, once (AUT-5)", "signs in again at prompt=login"],
      },
      {
        section: "3.1.2.1",
        must: "ask for consent again at prompt=consent",
        heldBy: ["prompt=consent asks also a trusted client's users"],
      },
      {
        section: "3.1.2.1",
        must: "let the person choose the account at prompt=select_account",
        heldBy: ["prompt=select_account"],
      },
      {
        section: "3.1.2.1",
        must: "ask for credentials again when max_age has passed",
        heldBy: ["max_age has passed", "%j asks for the password again, once (AUT-5)"],
      },
      {
        section: "3.1.2.1",
        must: "answer nobody but the person of id_token_hint",
        heldBy: ["the hint names another user", "is recognised by an ID token of before"],
      },
      {
        section: "3.1.2.1",
        must: "take id_token_hint though it has expired",
        heldBy: ["an id_token_hint for any of our clients, expired or not, names its user"],
      },
      {
        section: "3.1.2.1",
        must: "fail over no display, ui_locales, login_hint or acr_values",
        heldBy: ["a parameter that changes nothing"],
      },
      {
        section: "3.1.2.2",
        must: "check the request before anything else",
        heldBy: ["nothing is sent anywhere when $when"],
      },
      {
        section: "3.1.2.2",
        must: "refuse a request whose required members are not there",
        heldBy: ["the client is told $code when $when"],
      },
      { section: "3.1.2.3", must: "authenticate who is not signed in", heldBy: ["there is no session"] },
      {
        section: "3.1.2.3",
        must: "keep sign-in and consent safe from other sites and frames",
        heldBy: [
          "the right password $what is refused with 403 and signs nobody in",
          "every page is locked down and never stored",
        ],
      },
      {
        section: "3.1.2.4",
        must: "obtain consent before anything is told to a client",
        heldBy: ["consent was never asked for", "is asked once, remembered, and asked again when more is wanted"],
      },
      {
        section: "3.1.2.5",
        must: "answer with code and state",
        heldBy: ["ends at the redirect_uri with code, state and iss"],
      },
      {
        section: "3.1.2.6",
        must: "tell login_required, consent_required, interaction_required and account_selection_required",
        heldBy: ["prompt=$prompt with session $session is answered $error, without a page"],
      },
      {
        section: "3.1.2.6",
        must: "tell errors where the answer would have gone",
        heldBy: ["is refused in the same way, with nothing but the error"],
      },
      {
        section: "3.1.3.2",
        must: "authenticate the client where it has credentials, and check that the code is its",
        heldBy: ["TOK-4", "TOK-5"],
      },
      {
        section: "3.1.3.2",
        must: "refuse a code that was used",
        heldBy: ["a spent code is refused and what it produced dies"],
      },
      {
        section: "3.1.3.2",
        must: "check redirect_uri, and that the code came of an OpenID request",
        heldBy: ["the redirect_uri %s is not the request's (TOK-3", "scope lacks openid"],
      },
      {
        section: "3.1.3.3",
        must: "answer id_token with token_type Bearer, not to be stored",
        heldBy: ["an answer to be stored", "no id_token"],
      },
      {
        section: "3.1.3.4",
        must: "answer errors with 400 and JSON",
        heldBy: ["what is wrong with a token request is said in the words of RFC 6749 §5.2"],
      },
      {
        section: "3.1.3.6",
        must: "bind access token and ID token by at_hash",
        heldBy: ["at_hash is the left half of the hash of the signature's algorithm"],
      },
      {
        section: "3.1.3.7",
        must: "write ID tokens that a relying party accepts",
        heldBy: ["ends at the redirect_uri with code, state and iss, and the code becomes a verified ID token"],
      },
      {
        section: "3.2.2.1",
        must: "demand a nonce where an ID token comes by the browser",
        heldBy: ["needs a nonce exactly where an ID token travels with the browser", "needs one (cert"],
      },
      {
        section: "3.2.2.5",
        must: "answer access_token, token_type, id_token and state in the fragment",
        heldBy: ["is answered with just that, and all of it is right"],
      },
      {
        section: "3.2.2.9",
        must: "bind what comes beside an ID token by at_hash",
        heldBy: ["c_hash and at_hash are made with the hash of $algorithm"],
      },
      {
        section: "3.3.2.11",
        must: "bind the code beside an ID token by c_hash",
        heldBy: ["openid-client takes $type by $mode and finds every hash right"],
      },
      {
        section: "3.3.3.6",
        must: "name the same person and issuer in both ID tokens of a hybrid answer",
        heldBy: ["is answered with just that, and all of it is right"],
      },
      {
        section: "3.3.3.7",
        must: "give an at_hash where an access token comes with the ID token",
        heldBy: ["openid-client takes $type by $mode and finds every hash right"],
      },
      {
        section: "4",
        must: "take an initiate_login_uri by https alone",
        heldBy: ["an initiate_login_uri that is not https is refused", "$uri is told who sends the person"],
      },
    ],
  },
];
