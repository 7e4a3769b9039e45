export type { FakeBehaviours, FakeEndpoint, Misbehaviour } from "./fake-openid-behaviours.ts";
export {
  type FakeClientAuthentication,
  type FakeOpenIdProvider,
  type FakeOpenIdProviderOptions,
  type FakeRequest,
  type FakeUser,
  startFakeOpenIdProvider,
} from "./fake-openid-provider.ts";
export { type Form, type FormBrowser, openFormBrowser, type Page, readForm } from "./form-browser.ts";
export { type HandSetClock, makeHandSetClock } from "./hand-set-clock.ts";
export { type RunningPostgres, startPostgres } from "./postgres.ts";
export { type Migrate, openTestDatabase, type TestDatabase } from "./test-database.ts";
