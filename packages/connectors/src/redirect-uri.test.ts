import { expect, test } from "vitest";
import { chooseRedirectUri } from "./redirect-uri.ts";

const OURS = "https://dex.example/dex/auth/up/callback";
test.each([
  { configured: undefined, chosen: OURS },
  { configured: OURS, chosen: OURS },
  { configured: "https://dex.example/dex/callback", chosen: "https://dex.example/dex/callback" },
  { configured: "https://dex.example/callback", chosen: undefined },
  { configured: "https://dex.example/dex/callback/", chosen: undefined },
  { configured: "https://dex.example/dex/callback?x", chosen: undefined },
  { configured: "https://dex.example/dex/auth/other/callback", chosen: undefined },
  { configured: "http://dex.example/dex/callback", chosen: undefined },
  { configured: "https://evil.example/dex/auth/up/callback", chosen: undefined },
  { configured: "", chosen: undefined },
])("with redirectURI $configured the browser comes back to $chosen (C 10, MIX-1)", ({ configured, chosen }) => {
  expect(chooseRedirectUri(OURS, configured)).toBe(chosen);
});
