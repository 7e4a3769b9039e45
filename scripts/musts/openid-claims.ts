// OpenID Connect Core: all but the sign-in itself.
import type { Document } from "./must.ts";

export const openidClaims: readonly Document[] = [
  {
    name: "OpenID Connect Core 1.0, sections 5 to 17",
    title: "Claims, request objects, subjects, clients, refresh",
    musts: [
      {
        section: "5.1",
        must: "tell claims in the types of the list",
        heldBy: ["checkUserinfo", "the scope $scope releases all of its claims and no other"],
      },
      {
        section: "5.3",
        must: "answer UserInfo by GET and by POST",
        heldBy: ["userinfo answers GET, POST with the header and POST with a form alike"],
      },
      {
        section: "5.3",
        must: "answer UserInfo to access tokens, by TLS",
        heldBy: ["code, refresh token and ID token are no access tokens"],
      },
      {
        section: "5.3.1",
        must: "take access tokens as RFC 6750 has them",
        heldBy: ["the token is taken from the header, in any case of the scheme"],
      },
      {
        section: "5.3.2",
        must: "say sub, and leave out claims without a value",
        heldBy: ["a claim without a value is left out, groups that no connector told too"],
      },
      {
        section: "5.3.2",
        must: "answer JSON, or a JWT with iss and aud where the client registered that",
        heldBy: [
          "signed userinfo verifies with our keys, for this client alone, and is no ID token",
          "a client that registered %s gets userinfo as a JWT",
        ],
      },
      {
        section: "5.3.2",
        must: "sign first and encrypt then",
        heldBy: ["userinfo is encrypted to the client's own key, signed inside where it registered both"],
      },
      {
        section: "5.3.3",
        must: "answer errors as RFC 6750 has them",
        heldBy: ["$status when $when (JWT-10, RFC 6750 §3.1)"],
      },
      {
        section: "5.4",
        must: "release for each scope its claims",
        heldBy: ["the scope $scope releases all of its claims and no other"],
      },
      {
        section: "5.4",
        must: "tell them at UserInfo where there is an access token",
        heldBy: ["beside an access token the profile is left to userinfo"],
        different:
          "a client that registers nothing else finds claims of profile, email and groups in the ID token of the token endpoint too, as clients of dex always did; cert 2.6.8 says how to turn it off",
      },
      {
        section: "5.5",
        must: "take claims as JSON with userinfo and id_token, and ignore what it does not know",
        heldBy: ["claims=$text are taken as OIDC Core §5.5 says"],
      },
      {
        section: "5.5",
        must: "tell claims where they were asked for",
        heldBy: ["claims asked for by name are told where they were asked for, and still after a refresh"],
      },
      {
        section: "5.5",
        must: "return no error over a claim that there is not",
        heldBy: ["a name that is essential is told where it is asked for, and not elsewhere"],
      },
      {
        section: "5.5.1",
        must: "answer no other person where claims name the subject",
        heldBy: ["a subject that claims name and somebody else signs in with is refused"],
      },
      {
        section: "5.5.1.1",
        must: "fail where an essential acr cannot be had",
        heldBy: ["acr is one of those that discovery lists, and an essential one that cannot be had fails"],
      },
      {
        section: "5.6.2",
        must: "tell no aggregated claims where it has none",
        heldBy: ["what does not work is not advertised"],
        different: "aggregated and distributed claims are not offered",
      },
      { section: "5.7", must: "let nobody have a name that was somebody else's", heldBy: ["JWT-8"] },
      {
        section: "6.1",
        must: "let what the object says count",
        heldBy: ["a request object with $when has the say alone"],
      },
      {
        section: "6.1",
        must: "hold response_type and client_id inside and outside to each other",
        heldBy: ["it wants another response_type", "it is of another client"],
      },
      {
        section: "6.1",
        must: "demand no signature where the client registered none",
        heldBy: ["no signature, as registered"],
      },
      {
        section: "6.2",
        must: "fetch the object anew when its fragment changes",
        heldBy: ["a document is fetched without its fragment, kept for a minute"],
      },
      {
        section: "6.2",
        must: "refuse request_uri that is too long or not https",
        heldBy: ["the address is not https"],
      },
      { section: "6.3.1", must: "refuse encrypted objects by name", heldBy: ["it is encrypted"] },
      {
        section: "6.3.2",
        must: "check the signature by the registered algorithm",
        heldBy: ["another algorithm was registered"],
      },
      {
        section: "6.3.3",
        must: "use the object's members and check the whole as any other request",
        heldBy: ["what is wrong inside is told as outside"],
      },
      { section: "7.2.1", must: "refuse the parameter registration by name", heldBy: ["a registration is sent"] },
      { section: "8", must: "know public and pairwise subjects", heldBy: ["names both kinds of subjects"] },
      {
        section: "8.1",
        must: "make pairwise subjects that tell nothing, another for each sector, always the same",
        heldBy: ["pairwise subjects are the same within a sector, differ between sectors"],
      },
      {
        section: "8.1",
        must: "take the host of the redirect URIs for the sector, or the one of sector_identifier_uri",
        heldBy: ["the sector of a client is $sector when $when"],
      },
      {
        section: "8.1",
        must: "refuse several hosts without sector_identifier_uri",
        heldBy: ["redirect URIs of two hosts have no sector"],
      },
      {
        section: "9",
        must: "authenticate by client_secret_basic where nothing else was registered",
        heldBy: ["what is left out has the defaults of RFC 7591 §2"],
      },
      {
        section: "9",
        must: "hold a client to the one method that it registered",
        heldBy: ["who registered one method may use that one only"],
      },
      {
        section: "9",
        must: "take client_secret_jwt and private_key_jwt with iss, sub, aud, jti and exp",
        heldBy: ["an assertion with $when authenticates and counts no failure", "jti is missing"],
      },
      {
        section: "10.1",
        must: "publish its public keys, and name the one that signed",
        heldBy: ["leads to public keys that all parse, each with a kid of its own"],
      },
      {
        section: "10.1.1",
        must: "sign with new keys only once they are published, and keep old ones published",
        heldBy: ["in a year of rotations every verifier that caches for max-age knows the key of every token"],
      },
      {
        section: "10.2",
        must: "encrypt to keys of the client that are for encryption",
        heldBy: [
          "the relying party alone can read its ID token and userinfo",
          "an ID token is signed, then encrypted to the client's own key",
        ],
      },
      {
        section: "11",
        must: "demand consent for offline_access, and ignore it without a code",
        heldBy: ["offline access was not granted yet", "offline access needs a code that a refresh token could follow"],
      },
      {
        section: "11",
        must: "give refresh tokens for offline_access alone",
        heldBy: ["a refresh token when $when: $expected (REF-11"],
      },
      {
        section: "12.1",
        must: "authenticate the client and check that the refresh token is its",
        heldBy: ["another client, or none, is refused and consumes nothing"],
      },
      {
        section: "12.2",
        must: "keep iss, sub, aud, azp and auth_time at a refresh, with a new iat",
        heldBy: ["a refreshed ID token keeps iss, sub, aud and auth_time and has no nonce"],
      },
      {
        section: "12.3",
        must: "answer a refresh that fails as the token endpoint does",
        heldBy: ["what is wrong with a token request is said in the words of RFC 6749 §5.2"],
      },
      { section: "13.2", must: "read form-encoded bodies", heldBy: ["names of any shape stay flat and inert"] },
      {
        section: "15.1",
        must: "sign with RS256, take prompt, display, ui_locales, claims_locales, auth_time, max_age and acr_values",
        heldBy: ["signs ID tokens with RS256 among others", "a parameter that changes nothing"],
      },
      {
        section: "15.2",
        must: "offer discovery, registration, keys, UserInfo and all response types to a dynamic client",
        heldBy: ["the whole document holds what a tester of all profiles looks for"],
      },
      { section: "16.4", must: "keep codes from being used twice", heldBy: ["TOK-1", "TOK-2"] },
      { section: "16.9", must: "let no client use another's code", heldBy: ["TOK-4"] },
      {
        section: "16.11",
        must: "let no answer be taken for another client's",
        heldBy: ["an ID token with another nonce"],
      },
      { section: "16.14", must: "ask for no key that is weak", heldBy: ["its key is weak"] },
      { section: "16.17", must: "use TLS", heldBy: ["NET-3", "NET-4"] },
      {
        section: "16.19",
        must: "encrypt only to who may read",
        heldBy: ["the relying party alone can read its ID token and userinfo"],
      },
      { section: "17.3", must: "ask before offline access", heldBy: ["offline access was not granted yet"] },
    ],
  },
];
