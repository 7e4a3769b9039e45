// OpenID Connect: what clients find and register.
import type { Document } from "./must.ts";

export const openidClients: readonly Document[] = [
  {
    name: "OpenID Connect Discovery 1.0",
    musts: [
      {
        section: "3",
        must: "publish the required members",
        heldBy: ["holds registered members alone, each of its type"],
      },
      {
        section: "3",
        must: "say an issuer that is the iss of ID tokens",
        heldBy: ["names the issuer whose address it is at", "checkIdToken"],
      },
      {
        section: "3",
        must: "list response types, subjects and algorithms, RS256 among them",
        heldBy: [
          "names OpenID Connect's response types, and all of the Dynamic profile where they are on",
          "signs ID tokens with RS256 among others",
        ],
      },
      {
        section: "3",
        must: "list openid among the scopes",
        heldBy: ["lists scopes that are scope tokens, openid among them"],
      },
      {
        section: "3",
        must: "let no default lie",
        heldBy: ["says of each parameter whether it is taken, so that no default lies", "absent defaults do not lie"],
      },
      {
        section: "3",
        must: "offer RS256 for request objects where they are taken",
        heldBy: ["takes request objects signed with RS256"],
      },
      {
        section: "4",
        must: "put the document at the issuer with the well-known part after it",
        heldBy: [
          "is 200 and JSON at the issuer's address",
          "issuer $issuer stays as it is; its token endpoint is $token",
        ],
      },
      {
        section: "4.2",
        must: "answer 200 with JSON, and leave out members without values",
        heldBy: [
          "is 200 and JSON at the issuer's address",
          "with $registration the document has these members and no other",
        ],
      },
      {
        section: "4.3",
        must: "name the issuer exactly as its address was made",
        heldBy: ["does not believe an issuer that is written otherwise"],
      },
      { section: "7.1", must: "use TLS", heldBy: ["names https addresses"] },
    ],
  },
  {
    name: "OpenID Connect Dynamic Client Registration 1.0",
    musts: [
      { section: "2", must: "demand redirect_uris", heldBy: ["there is no redirect URI"] },
      {
        section: "2",
        must: "let web clients have https alone, and native ones private schemes and loopback",
        heldBy: ["%j cannot be registered (RED-3, RED-8)", "a private-use scheme of a confidential client"],
      },
      {
        section: "2",
        must: "take jwks or jwks_uri, never both",
        heldBy: ["there are two key sets", "keys come twice"],
      },
      {
        section: "2",
        must: "read the document of sector_identifier_uri, and demand all redirect URIs in it",
        heldBy: ["all redirect URIs stand in the document", "where the sector's document $what"],
      },
      {
        section: "2",
        must: "use the algorithm for ID tokens that the client registered, RS256 by default",
        heldBy: [
          "an ID token is signed with RS256 for who asks for it",
          "signed with RS256 and names its key where nothing else was registered",
        ],
      },
      {
        section: "2",
        must: "refuse id_token_signed_response_alg none",
        heldBy: ["no ID token is unsigned: none is not listed, and nobody registers for it"],
      },
      {
        section: "2",
        must: "encrypt with A128CBC-HS256 where no content algorithm is named",
        heldBy: ["the content is A128CBC-HS256 where the client names nothing else"],
      },
      {
        section: "2",
        must: "refuse a content algorithm without a key algorithm",
        heldBy: ["encryption needs keys, and enc needs alg"],
      },
      {
        section: "2",
        must: "hold to request_object_signing_alg",
        heldBy: ["it is unsigned and RS256 was registered", "another algorithm was registered"],
      },
      {
        section: "2",
        must: "hold to default_max_age and require_auth_time",
        heldBy: [
          "a client's default_max_age asks for the password again when the session is older",
          "max_age has the client's own default, which the request overrides",
        ],
      },
      {
        section: "2",
        must: "demand https of initiate_login_uri",
        heldBy: ["an initiate_login_uri that is not https is refused"],
      },
      {
        section: "2",
        must: "take request_uris for the only addresses of request objects",
        heldBy: ["registered another request_uri"],
      },
      {
        section: "3.1",
        must: "take the registration as JSON by POST, by TLS",
        heldBy: ["$status $error when $when (RFC 7591 §3.2.2)"],
      },
      {
        section: "3.2",
        must: "answer 201 with client_id, and registration_client_uri beside its token",
        heldBy: ["checkRegistrationAnswer"],
      },
      { section: "3.2", must: "say client_secret_expires_at with client_secret", heldBy: ["a secret of unknown life"] },
      {
        section: "3.2",
        must: "answer all that is registered, also what it chose itself",
        heldBy: ["%o is registered, answered back, and deleted"],
      },
      {
        section: "3.3",
        must: "answer invalid_redirect_uri or invalid_client_metadata with 400",
        heldBy: ["$code when $when (RFC 7591 §3.2.2"],
      },
      {
        section: "4.2",
        must: "tell a client its registration, to its own token alone",
        heldBy: ["a client reads what it registered"],
      },
      { section: "4.3", must: "read a client without changing it", heldBy: ["a client reads what it registered"] },
      {
        section: "4.4",
        must: "answer 401 to a token that is not the client's, whether or not there is such a client",
        heldBy: ["whatever is wrong gets the same 401, whether or not there is such a client"],
      },
      {
        section: "5",
        must: "check every host of several redirect URIs against sector_identifier_uri",
        heldBy: ["redirect URIs of two hosts are one sector where its document lists them"],
      },
      {
        section: "9.1",
        must: "show a client's own words and pictures as such",
        heldBy: [
          "takes pictures from its origin alone",
          "people are always asked, and told that nobody has verified it",
        ],
      },
      {
        section: "9.2",
        must: "guess nobody's native address: exact redirect URIs",
        heldBy: ["%j is not the registered redirect_uri (RED-1"],
      },
      { section: "9.3", must: "use TLS", heldBy: ["names https addresses"] },
    ],
  },
  {
    name: "Initiating User Registration (prompt=create)",
    musts: [
      {
        section: "4.1",
        must: "show the form of a new account first where prompt=create asks for it",
        heldBy: ["a new account is wanted, whoever is signed in"],
      },
      {
        section: "4.1",
        must: "list create among the prompts that are known",
        heldBy: ["every value of every member has a call"],
      },
    ],
  },
];
