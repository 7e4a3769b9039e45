// How clients authenticate, register and find us.
import type { Document } from "./must.ts";

export const clients: readonly Document[] = [
  {
    name: "RFC 7521",
    title: "Assertion Framework for Client Authentication",
    musts: [
      {
        section: "4.2",
        must: "demand the type of the assertion with it",
        heldBy: ["one method and one client in a request"],
      },
      {
        section: "4.2",
        must: "refuse a client_id beside the assertion that is not its subject",
        heldBy: ["it is of another client", "sub is another client"],
      },
      {
        section: "4.2.1",
        must: "answer invalid_client where the assertion is not good",
        heldBy: ["401 invalid_client, and nothing written or fetched, when $when"],
      },
      {
        section: "5.2",
        must: "demand iss, sub, aud and exp",
        heldBy: ["iss is missing", "sub is missing", "aud is missing", "exp is missing"],
      },
      { section: "5.2", must: "refuse an assertion that is not for us", heldBy: ["aud is another server"] },
      {
        section: "8.2",
        must: "take an assertion once",
        heldBy: ["an assertion serves once, also for two at the same moment"],
      },
    ],
  },
  {
    name: "RFC 7523",
    title: "JWT Profile for Client Authentication and Authorization Grants",
    musts: [
      { section: "3", must: "demand sub to be the client", heldBy: ["sub is another client", "sub is nobody"] },
      { section: "3", must: "demand iss to be the client", heldBy: ["iss is another"] },
      {
        section: "3",
        must: "demand an audience that is us",
        heldBy: ["aud is another server", "aud begins as ours", "the token endpoint for its audience"],
        different:
          "several audiences are refused where one is another server: such an assertion would be good there too",
      },
      { section: "3", must: "refuse it after exp", heldBy: ["exp is past", "exp is an hour ahead"] },
      { section: "3", must: "refuse it before nbf", heldBy: ["nbf is more than a minute ahead"] },
      { section: "3", must: "refuse one whose iat is too far off", heldBy: ["iat is more than a minute ahead"] },
      {
        section: "3",
        must: "remember jti for as long as the assertion is good, on all workers",
        heldBy: ["of parallel uses on two workers one succeeds, and a wrong signature spends no jti"],
      },
      {
        section: "3",
        must: "demand a signature or a MAC of the client",
        heldBy: ["another key signed it", "it is under a MAC with another secret"],
      },
      {
        section: "3",
        must: "refuse a JWT that is wrong otherwise",
        heldBy: ["its claims are an array", "it is an ID token by type"],
      },
      {
        section: "3.2",
        must: "answer invalid_client",
        heldBy: ["401 invalid_client, and nothing written or fetched, when $when"],
      },
      {
        section: "2.1",
        must: "take an assertion as a grant, and demand it",
        heldBy: [
          "a workload of $of gets a token for the service that it stands for",
          "when it is no JWT, or is missing",
        ],
      },
      {
        section: "3",
        must: "take such a one of the issuers alone that an administrator named for this client",
        heldBy: [
          "its issuer is spelled another way",
          "when the client does not trust its issuer, is not registered for it or is not there, in the same words",
        ],
      },
      {
        section: "3",
        must: "demand its sub, and that it is who the administrator named",
        heldBy: ["it is about nobody", "its subject only holds what it should begin with"],
      },
      { section: "3", must: "demand that it is for us", heldBy: ["it is for nobody", "it is for somebody else"] },
      {
        section: "3",
        must: "refuse it after exp, before nbf, and where it never ends",
        heldBy: ["it never expires", "it is not good yet", "it is good for longer than allowed"],
      },
      {
        section: "3",
        must: "demand a signature by a key of its issuer",
        heldBy: ["its signature is of another key", "it points to a key"],
      },
      {
        section: "3",
        must: "take it once, on all workers",
        heldBy: ["when it was used before: of 10 at once on two workers one gets a token"],
        different:
          "an administrator may say that tokens of an issuer are reusable: clusters give a workload one for an hour",
      },
      { section: "3.1", must: "answer invalid_grant", heldBy: ["when $when (RFC 7523 §3, JWT-1)"] },
      {
        section: "5",
        must: "support RS256, and say what is supported",
        heldBy: ["RS256 with its kid", "takes request objects signed with RS256"],
      },
    ],
  },
  {
    name: "RFC 7591",
    title: "Dynamic Client Registration",
    musts: [
      { section: "2", must: "demand redirect_uris for the grants that redirect", heldBy: ["there is no redirect URI"] },
      {
        section: "2",
        must: "take the defaults of the document for what is left out",
        heldBy: ["what is left out has the defaults of RFC 7591 §2"],
      },
      {
        section: "2",
        must: "ignore metadata that it does not know",
        heldBy: ["%o changes nothing about the client (DCR-1, SSR-1)"],
      },
      {
        section: "2",
        must: "refuse jwks and jwks_uri together",
        heldBy: ["there are two key sets", "keys come twice"],
      },
      {
        section: "2.1",
        must: "keep grant_types and response_types in agreement",
        heldBy: ["$response_types and $grant_types fit each other", "$input contradicts itself"],
      },
      { section: "3", must: "use TLS at the registration endpoint", heldBy: ["names https addresses"] },
      {
        section: "3",
        must: "take the initial access token as a bearer token",
        heldBy: ["whoever holds an initial access token registers a client"],
      },
      {
        section: "3",
        must: "limit who may register where no token is demanded",
        heldBy: ["anybody registers, 20 times in an hour from one address"],
      },
      {
        section: "3.1",
        must: "take registrations as JSON by POST",
        heldBy: [
          "discovery names the endpoint; every other method is refused with the one there is",
          "the body is a form",
        ],
      },
      {
        section: "3.2.1",
        must: "answer 201 with client_id and all that was registered",
        heldBy: [
          "a client registers with an initial access token, and is stored as the answer says",
          "%o is registered, answered back, and deleted",
        ],
      },
      {
        section: "3.2.1",
        must: "say client_secret_expires_at with a secret",
        heldBy: [
          "a secret of unknown life",
          "a client registers with an initial access token, and is stored as the answer says",
        ],
      },
      {
        section: "3.2.1",
        must: "tell the client what was registered in place of what it asked for",
        heldBy: ["of the uses that a client names those that the deployment has are registered"],
      },
      {
        section: "3.2.1",
        must: "forbid caches to keep the answer",
        heldBy: ["a client registers with an initial access token, and is stored as the answer says"],
      },
      {
        section: "3.2.2",
        must: "answer 400 with the error that fits",
        heldBy: ["$status $error when $when (RFC 7591 §3.2.2)", "$code when $when (RFC 7591 §3.2.2"],
      },
      {
        section: "5",
        must: "let no client choose its id, its secret or what is trusted of it",
        heldBy: ["%o changes nothing about the client (DCR-1, SSR-1)"],
      },
      {
        section: "5",
        must: "warn people of clients that nobody checked",
        heldBy: ["people are always asked, and told that nobody has verified it"],
      },
      {
        section: "5",
        must: "show addresses of the client with care: https, pictures from its origin",
        heldBy: ["takes pictures from its origin alone", "a logo that is neither https nor ours is left out"],
      },
      {
        section: "5",
        must: "make secrets that nobody guesses, another for each client",
        heldBy: ["a secret we make has 256 bits"],
      },
    ],
  },
  {
    name: "RFC 7592",
    title: "Dynamic Client Registration Management",
    musts: [
      {
        section: "2",
        must: "use TLS and a token of the client's own",
        heldBy: ["whatever is wrong gets the same 401, whether or not there is such a client"],
      },
      {
        section: "2",
        must: "refuse with 401 who comes with a token of a client that is gone",
        heldBy: ["whatever is wrong gets the same 401, whether or not there is such a client"],
      },
      { section: "2.1", must: "tell a client its registration by GET", heldBy: ["a client reads what it registered"] },
      {
        section: "2.2",
        must: "replace everything by PUT, and take what is left out for removed",
        heldBy: [
          "all that a client may choose is replaced, and nothing that it may not",
          "%s is not lost by leaving it out; null turns it off",
        ],
        different:
          "what protects (bound tokens, PKCE, pushed requests) is not lost by leaving it out: null turns it off",
      },
      {
        section: "2.2",
        must: "demand client_id, and the secret where it is named, to be the current ones",
        heldBy: ["$code, since $says stands in $input"],
      },
      {
        section: "2.2",
        must: "refuse members that only the server sets",
        heldBy: ["$code, since $says stands in $input"],
      },
      {
        section: "2.2",
        must: "leave all as it was where an update is refused",
        heldBy: ["a wrong update changes nothing and leaves the token as it was"],
      },
      {
        section: "2.3",
        must: "end client, secret, grants and tokens at once by DELETE, and answer 204",
        heldBy: ["a client deletes itself, and everything of it is gone"],
      },
      {
        section: "3",
        must: "give the client the address and the token to manage itself with",
        heldBy: ["a client registers with an initial access token, and is stored as the answer says"],
      },
      {
        section: "5",
        must: "keep the token secret, and give a new one as it likes",
        heldBy: [
          "only the hash of the token is kept, and no log holds it",
          "a client replaces its registration and goes on with a new token; the old one is dead",
        ],
      },
    ],
  },
  {
    name: "RFC 8414",
    title: "Authorization Server Metadata",
    musts: [
      {
        section: "2",
        must: "publish an issuer that is https without query or fragment",
        heldBy: ["names the issuer whose address it is at", "NET-4"],
      },
      {
        section: "2",
        must: "tell every endpoint that there is, and none that there is not",
        heldBy: ["every value of every member has a call", "what does not work is not advertised"],
      },
      {
        section: "2",
        must: "list the algorithms of clients' assertions where the method is listed, and never none",
        heldBy: ["every value of every member has a call", "takes request objects signed with RS256"],
      },
      {
        section: "2",
        must: "give keys for signatures and for encryption a use",
        heldBy: ["leads to public keys that all parse, each with a kid of its own"],
      },
      {
        section: "3",
        must: "put the well-known part between host and path",
        heldBy: [
          "an issuer with the path '$issuer' is found as well",
          "at %s there is nothing of an issuer that has a path",
        ],
      },
      { section: "3.1", must: "answer GET", heldBy: ["is read and nothing else"] },
      { section: "3.2", must: "answer 200 and application/json", heldBy: ["is 200 and JSON at the issuer's address"] },
      {
        section: "3.2",
        must: "leave out members that have no value",
        heldBy: ["with $registration the document has these members and no other"],
      },
      {
        section: "3.3",
        must: "name the issuer that the address was made of",
        heldBy: ["names the issuer whose address it is at"],
      },
    ],
  },
];
