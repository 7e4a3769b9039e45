export {
  type OpenIdSite,
  type OpenIdSitePlaces,
  openIdSitePlaces,
  type RunningApache,
  startApache,
} from "./apache.ts";
export {
  type BrowserProfile,
  openBrowser,
  openBrowserProfile,
  type RealBrowser,
  submitPassword,
  waitPastConsent,
} from "./browser.ts";
export { NOTHING_ASKED, PLAIN_CALLBACK } from "./callback-input.ts";
export { type ClientAuthority, makeClientAuthority } from "./client-authority.ts";
export { type FakeBitbucketPerson, startFakeBitbucket } from "./fake-bitbucket.ts";
export { type FakeCrowd, type FakeCrowdPerson, startFakeCrowd } from "./fake-crowd.ts";
export { type FakeDiscordPerson, startFakeDiscord } from "./fake-discord.ts";
export { type FakeFacebookPerson, startFakeFacebook } from "./fake-facebook.ts";
export { FAKE_GITEA_TOKEN_SECONDS, type FakeGiteaPerson, startFakeGitea } from "./fake-gitea.ts";
export { type FakeGithubPerson, startFakeGithub } from "./fake-github.ts";
export {
  FAKE_GITLAB_TOKEN_SECONDS,
  type FakeGitlab,
  type FakeGitlabGroup,
  type FakeGitlabPerson,
  startFakeGitlab,
} from "./fake-gitlab.ts";
export { type FakeDirectory, type FakeGoogle, type FakeGoogleOptions, startFakeGoogle } from "./fake-google.ts";
export { type FakeLinkedinPerson, startFakeLinkedin } from "./fake-linkedin.ts";
export { type FakeMicrosoftPerson, startFakeMicrosoft } from "./fake-microsoft.ts";
export { type FakeOauthPerson, startFakeOauth } from "./fake-oauth.ts";
export {
  type FakeApiAnswer,
  type FakeApiCall,
  type FakeOAuth2Behaviours,
  type FakeOAuth2Dialect,
  type FakeOAuth2Server,
  pageByLink,
  startFakeOAuth2Server,
} from "./fake-oauth2-server.ts";
export { type FakeAppleOptions, type FakeApplePerson, startFakeApple } from "./fake-openid-apple.ts";
export type { FakeBehaviours, FakeEndpoint, Misbehaviour } from "./fake-openid-behaviours.ts";
export {
  type FakeClientAuthentication,
  type FakeOpenIdProvider,
  type FakeOpenIdProviderOptions,
  type FakeRequest,
  type FakeUser,
  startFakeOpenIdProvider,
} from "./fake-openid-provider.ts";
export { FAKE_OPENSHIFT_TOKEN_SECONDS, type FakeOpenshiftPerson, startFakeOpenshift } from "./fake-openshift.ts";
export * from "./fake-token-issuer.ts";
export { type FakeUaaPerson, startFakeUaa } from "./fake-uaa.ts";
export { type Fetch, fetchFrom } from "./fetch-from.ts";
export { fetchWithCertificate, type TlsPeer } from "./fetch-with-certificate.ts";
export { findInDatabase } from "./find-in-database.ts";
export { type AdminApi, openAdminApi } from "./fleet/admin-api.ts";
export { type DexctlRun, newClientWithDexctl, runDexctl } from "./fleet/dexctl.ts";
export { findFreeOrigin, startExampleApp } from "./fleet/example-app.ts";
export { type Fleet, type FleetOptions, startFleet } from "./fleet/fleet.ts";
export { type FleetFacts, renderFacts } from "./fleet/fleet-facts.ts";
export { findFreePorts } from "./fleet/free-ports.ts";
export { repositoryRoot } from "./fleet/program-files.ts";
export { answersOk, type RunningProgram, startProgram, waitUntilReady } from "./fleet/running-program.ts";
export { type Form, type FormBrowser, openFormBrowser, type Page, readForm } from "./form-browser.ts";
export { finishSignIn, hasForm, signInWithForms } from "./form-sign-in.ts";
export { type HandSetClock, makeHandSetClock } from "./hand-set-clock.ts";
export { type JwksVerdict, type RunningJwksVerifier, startJwksVerifier } from "./jwks-verifier.ts";
export { type RunningKdc, startKdc } from "./kdc.ts";
export { type KeystoneRequest, type RunningKeystone, startKeystone } from "./keystone.ts";
export { makeKeytab } from "./keytab.ts";
export { type MailSink, type SinkAnswer, type SunkMail, startMailSink } from "./mail-sink.ts";
export { type MtlsNginxOptions, startMtlsNginx } from "./mtls-nginx.ts";
export { type NginxOptions, type RunningNginx, startNginx } from "./nginx.ts";
export {
  type OidcProviderClient,
  type OidcProviderOptions,
  type RunningOidcProvider,
  startOidcProvider,
} from "./oidc-provider.ts";
export { makeOpenApiChecker, type OpenApiChecker, type OpenApiDocument } from "./openapi-checker.ts";
export type { TestCertificate, WantedCertificate } from "./openssl-authority.ts";
export { type RunningPostgres, startPostgres } from "./postgres.ts";
export { makePrivateAuthority, type PrivateAuthority } from "./private-authority.ts";
export { queryDatabase } from "./query-database.ts";
export {
  openSamlSigner,
  type SamlResponseValues,
  type SamlSigner,
  samlAssertion,
  samlResponse,
  signatureTemplate,
} from "./saml-documents.ts";
export {
  type RunningSimpleSaml,
  type SimpleSamlClient,
  type SimpleSamlPerson,
  startSimpleSaml,
} from "./simple-saml.ts";
export { type RunningSlapd, startSlapd } from "./slapd.ts";
export { makeTestCertificates, type TestCertificates } from "./test-certificates.ts";
export { type Migrate, openTestDatabase, type TestDatabase } from "./test-database.ts";
