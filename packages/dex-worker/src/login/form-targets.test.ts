import { expect, test } from "vitest";
import { formTargets } from "./form-targets.ts";

test.each([
  { redirectUri: "https://app.example/cb", targets: ["https://app.example", "https:"] },
  { redirectUri: "com.example.app:/cb", targets: ["com.example.app:", "https:"] },
  {
    redirectUri: "http://127.0.0.1:8080/cb",
    targets: ["http://127.0.0.1:8080", "https:", "http://127.0.0.1:*", "http://localhost:*"],
  },
  {
    redirectUri: "http://[::1]:8080/cb",
    targets: ["http:", "https:", "http://127.0.0.1:*", "http://localhost:*"],
  },
])("a form on the way to $redirectUri may end at $targets (BRO-10)", ({ redirectUri, targets }) => {
  expect(formTargets(redirectUri)).toEqual(targets);
});

test("no form may end at a script or at plain http elsewhere (BRO-10)", () => {
  expect(formTargets("https://app.example/cb").join()).not.toMatch(/http:|javascript:|data:|\*/);
});
