// Clients that ask for people by name.
import type { Document } from "./must.ts";

export const backchannel: readonly Document[] = [
  {
    name: "OpenID Connect CIBA Core 1.0",
    musts: [
      {
        section: "4",
        must: "tell the endpoint, the ways of delivery and the algorithms in the metadata",
        heldBy: ["every value of every member has a call"],
      },
      {
        section: "4",
        must: "demand an address from a client that is to be told",
        heldBy: ["a client that is to be told registers where"],
      },
      {
        section: "4",
        must: "tell a client at an https address alone",
        heldBy: ["%s is not called (SSR-1)"],
        different: "an administrator may register another, which nobody calls but in test networks",
      },
      {
        section: "4",
        must: "take no registration for what it does not do",
        heldBy: ["it is no public client, and gets nothing pushed, with a profile or without"],
        different: "there is no push mode: tokens go to who asks for them with a proof, and are left at nobody's door",
      },
      {
        section: "4",
        must: "see that the address of the keys stands in the document of the client's sector",
        heldBy: ["a client %s belongs to a sector by the address of its keys"],
        different: "without such a document a client without redirect URIs has no pairwise names",
      },
      {
        section: "7.1",
        must: "take POST with a form, and authenticate the client",
        heldBy: ["by who may not, or proves nothing, is refused"],
      },
      {
        section: "7.1",
        must: "take its issuer, token endpoint and this endpoint for the audience of an assertion",
        heldBy: ["a client that authenticates by another audience that CIBA names is let in"],
      },
      {
        section: "7.1",
        must: "demand the scope openid",
        heldBy: ["a scope without openid", "a client that asks by name must (CIBA Core §7.1)"],
      },
      {
        section: "7.1",
        must: "demand exactly one hint",
        heldBy: ["no hint", "two hints", "three hints"],
        different: "of the three kinds login_hint_token is not supported, since nothing says what would be in it",
      },
      {
        section: "7.1",
        must: "take an ID token as a hint where it is ours and this client's",
        heldBy: ["with an ID token of the client's own names the person"],
      },
      {
        section: "7.1",
        must: "demand a bearer token of at most 1024 characters of a client that is to be told",
        heldBy: ["a request whose client_notification_token %s is refused"],
      },
      {
        section: "7.1",
        must: "show binding_message to the person, or refuse it",
        heldBy: ["sees who asks, the message, and what for", "a binding_message that turns around"],
      },
      {
        section: "7.1",
        must: "read requested_expiry as a positive whole number",
        heldBy: ["a requested_expiry of none", "with the requested_expiry %j is refused"],
      },
      {
        section: "7.1.1",
        must: "demand iss, aud, exp, iat, nbf and jti of a signed request",
        heldBy: ["without %s it is refused (cert 13 ciba signed request)"],
      },
      {
        section: "7.1.1",
        must: "check signature, algorithm and claims, and take it once",
        heldBy: [
          "with another client's signature, another algorithm or none it is refused",
          "an exp that is over",
          "it counts once, also of many at the same moment",
        ],
      },
      {
        section: "7.1.1",
        must: "take numbers as numbers or text",
        heldBy: ["a signed request is answered, with numbers as numbers or text"],
      },
      {
        section: "7.1.1",
        must: "refuse parameters outside of a signed request, and unsigned ones of who registered to sign",
        heldBy: ["parameters beside it are refused, and so is an unsigned request of a client that signs"],
      },
      {
        section: "7.2",
        must: "find the person, or answer unknown_user_id",
        heldBy: ["about nobody looks like every other, and only our own clients are told"],
        different:
          "but for the deployment's own clients everybody exists, and nobody answers: it is no way to find accounts",
      },
      {
        section: "7.3",
        must: "answer auth_req_id, expires_in and interval, with an id that nobody can guess",
        heldBy: ["of openid-client asks for a person, polls, and gets who they are", "is stored as a hash"],
      },
      {
        section: "8",
        must: "let the person alone decide, who has signed in",
        heldBy: ["alone is let in: somebody else who has the link decides nothing"],
      },
      {
        section: "10.1",
        must: "hold auth_req_id to its client",
        heldBy: ["gets nothing for what another one asked, nor spoils it"],
      },
      {
        section: "10.1",
        must: "give tokens for it once",
        heldBy: ["gets tokens once, of 20 polls on two workers at the same moment (cert 13 ciba single use)"],
      },
      {
        section: "10.1.1",
        must: "answer with an ID token of who allowed it",
        heldBy: ["of openid-client asks for a person, polls, and gets who they are"],
      },
      {
        section: "10.2",
        must: "tell the client by POST, with its token as a bearer token and auth_req_id in JSON",
        heldBy: ["a client is told once when somebody says %s, and comes for %s"],
      },
      {
        section: "10.2",
        must: "take 204 and 200 for success, follow no redirect and ignore the body",
        heldBy: ["an answer with %s is taken, followed nowhere and not asked for again"],
      },
      {
        section: "11",
        must: "tell authorization_pending, slow_down, expired_token and access_denied",
        heldBy: ["is told to wait, to slow down, and no", "is told when nobody answered in time"],
      },
      {
        section: "11",
        must: "make who polls too fast wait five seconds more",
        heldBy: ["is told to wait, to slow down, and no"],
      },
      {
        section: "11",
        must: "answer unauthorized_client to who may not poll, and invalid_grant for an id of somebody else's",
        heldBy: [
          "by who may not, or proves nothing, is refused",
          "gets nothing for what another one asked, nor spoils it",
        ],
      },
      {
        section: "13",
        must: "answer with the errors of the list, in JSON and not to be stored",
        heldBy: ["with %s is refused (cert 13 ciba hints; cert 13 ciba binding message)"],
      },
      {
        section: "14",
        must: "wear nobody out by asking",
        heldBy: ["about one person again and again is refused, the same about nobody"],
      },
    ],
  },
  {
    name: "FAPI-CIBA",
    title: "Client Initiated Backchannel Authentication Profile",
    musts: [
      {
        section: "5.2.2",
        must: "have no push mode",
        heldBy: ["it is no public client, and gets nothing pushed, with a profile or without"],
      },
      {
        section: "5.2.2",
        must: "poll and ping",
        heldBy: ["a client may register %j (cert 13 ciba registration)", "cert 13 ciba ping"],
      },
      {
        section: "5.2.2",
        must: "demand signed requests",
        heldBy: ["of plain parameters is refused, also where the client proves itself by %s"],
      },
      {
        section: "5.2.2",
        must: "demand exp within 60 minutes of nbf, and nbf within the last 60 minutes",
        heldBy: ["an exp in 70 minutes", "an nbf of 70 minutes ago", "without $without is refused $cert"],
      },
      {
        section: "5.2.2",
        must: "demand a binding message",
        heldBy: ["no binding message", "with a binding message that cannot be shown is refused by the error for that"],
      },
      {
        section: "5.2.2",
        must: "authenticate clients by a key of their own",
        heldBy: [
          "$member is refused when $when ($by) (cert 13 ciba registration)",
          "it has a certificate's name and nothing to sign with",
        ],
      },
      {
        section: "5.2.2",
        must: "bind access tokens to the client's certificate",
        heldBy: ["polls for tokens that are bound to its certificate, refreshed ones too"],
        different: "DPoP does too, since FAPI 2.0 says that it is as good",
      },
      {
        section: "5.2.2",
        must: "give refreshed tokens to the client alone, bound again",
        heldBy: [
          "polls for tokens that are bound to its certificate, refreshed ones too",
          "a client that shows DPoP proofs has its tokens bound to that key, and none without one",
        ],
      },
      {
        section: "5.2.2",
        must: "sign and take PS256 and ES256, and neither RS256 nor none",
        heldBy: [
          "under RS256 is refused (cert 13",
          "under %s is taken (cert 13",
          "what a resource wants signed by RS256 is signed by ES256 for a client under %s",
        ],
        different: "EdDSA is taken, too, as FAPI 2.0 has it",
      },
    ],
  },
];
