import { expect, test } from "vitest";
import { matchRedirectUri, OUT_OF_BAND, parseRedirectUriForRegistration } from "./redirect-uri.ts";

const registered = "https://app.example.com/cb?tenant=1";
const client = { public: false, redirectUris: [registered, "https://app.example.com/other"] };

test("the registered redirect_uri matches, each of several (RED-1, v1 C07)", () => {
  expect(matchRedirectUri(client, registered)).toBe(registered);
  expect(matchRedirectUri(client, "https://app.example.com/other")).toBe("https://app.example.com/other");
});

const mutations = [
  "",
  " ",
  "https://app.example.com",
  "https://app.example.com/",
  "https://app.example.com/cb",
  "https://app.example.com/cb?",
  "https://app.example.com/cb/",
  "https://app.example.com/cb/?tenant=1",
  "https://app.example.com/cb?tenant=1/",
  "https://app.example.com/cb?tenant=1#",
  "https://app.example.com/cb?tenant=1#x",
  "https://app.example.com/cb#?tenant=1",
  "https://app.example.com/cb?tenant=2",
  "https://app.example.com/cb?tenant=11",
  "https://app.example.com/cb?tenant=1&x=2",
  "https://app.example.com/cb?x=2&tenant=1",
  "https://app.example.com/cb?Tenant=1",
  "https://app.example.com/cb?tenant=%31",
  "https://app.example.com/cb?tenant=1 ",
  " https://app.example.com/cb?tenant=1",
  "https://app.example.com/cb?tenant=1\0",
  "https://app.example.com/cb?tenant=1%00",
  "https://app.example.com/cb?tenant=1\n",
  "https://app.example.com/cb?tenant=1\t",
  "https://app.example.com/\tcb?tenant=1",
  "https://app.example.com/cb;x?tenant=1",
  "https://app.example.com/CB?tenant=1",
  "https://app.example.com/%63b?tenant=1",
  "https://app.example.com/./cb?tenant=1",
  "https://app.example.com/x/../cb?tenant=1",
  "https://app.example.com/%2e%2e/cb?tenant=1",
  "https://app.example.com//cb?tenant=1",
  "https://app.example.com\\cb?tenant=1",
  "https://app.example.com/cb/../evil?tenant=1",
  "https://app.example.com:443/cb?tenant=1",
  "https://app.example.com:8443/cb?tenant=1",
  "https://app.example.com./cb?tenant=1",
  "https://APP.example.com/cb?tenant=1",
  "HTTPS://app.example.com/cb?tenant=1",
  "http://app.example.com/cb?tenant=1",
  "//app.example.com/cb?tenant=1",
  "app.example.com/cb?tenant=1",
  "/cb?tenant=1",
  "https:/app.example.com/cb?tenant=1",
  "https:app.example.com/cb?tenant=1",
  "https:///app.example.com/cb?tenant=1",
  "https://user@app.example.com/cb?tenant=1",
  "https://user:pass@app.example.com/cb?tenant=1",
  "https://@app.example.com/cb?tenant=1",
  "https://app.example.com@evil.example/cb?tenant=1",
  "https://evil.example/https://app.example.com/cb?tenant=1",
  "https://evil.example#https://app.example.com/cb?tenant=1",
  "https://app.example.com.evil.example/cb?tenant=1",
  "https://evil-app.example.com/cb?tenant=1",
  "https://sub.app.example.com/cb?tenant=1",
  "https://example.com/cb?tenant=1",
  "https://\u0430pp.example.com/cb?tenant=1",
  "https://app.ex\u0430mple.com/cb?tenant=1",
  "https://app\u3002example.com/cb?tenant=1",
  "https://app.example.com/cb\uff1ftenant=1",
  "https://app.example.com/cb?tenant=1\u200b",
  "https://app.example.com/cb?tenant=1,https://app.example.com/other",
  "https://app.example.com/cb?tenant=1 https://app.example.com/other",
  "javascript:alert(1)//https://app.example.com/cb?tenant=1",
  "data:text/html,https://app.example.com/cb?tenant=1",
  "*",
  "https://*.example.com/cb?tenant=1",
];

test("the table of altered redirect_uris is long enough (RED-1)", () => {
  expect(new Set(mutations).size).toBe(mutations.length);
  expect(mutations.length).toBeGreaterThanOrEqual(45);
});

test.each(mutations)("%j is not the registered redirect_uri (RED-1, RFC 9700 §4.1.3, v1 C08)", (value) => {
  expect(matchRedirectUri(client, value)).toBeUndefined();
});

test("one character more, less or changed anywhere does not match (RED-1)", () => {
  for (let position = 0; position <= registered.length; position += 1) {
    const [before, after] = [registered.slice(0, position), registered.slice(position)];
    const variants = [`${before}x${after}`, `${before}${after.slice(1)}`, `${before}~${after.slice(1)}`];
    for (const variant of variants) {
      if (variant !== registered) expect(matchRedirectUri(client, variant)).toBeUndefined();
    }
  }
});

const native = {
  public: true,
  redirectUris: ["http://127.0.0.1/cb?x=1", "http://[::1]/cb", "http://localhost/cb", "http://127.0.0.1:4000/fixed"],
};
const loopback = [
  { value: "http://127.0.0.1/cb?x=1", matches: true },
  { value: "http://127.0.0.1:1/cb?x=1", matches: true },
  { value: "http://127.0.0.1:51004/cb?x=1", matches: true },
  { value: "http://127.0.0.1:65535/cb?x=1", matches: true },
  { value: "http://[::1]:51004/cb", matches: true },
  { value: "http://127.0.0.1:4000/fixed", matches: true },
  { value: "http://localhost/cb", matches: true },
  { value: "http://localhost:51004/cb", matches: false },
  { value: "http://127.0.0.1:65536/cb?x=1", matches: false },
  { value: "http://127.0.0.1:0/cb?x=1", matches: false },
  { value: "http://127.0.0.1:080/cb?x=1", matches: false },
  { value: "http://127.0.0.1:/cb?x=1", matches: false },
  { value: "http://127.0.0.1:51004/cb", matches: false },
  { value: "http://127.0.0.1:51004/cb?x=2", matches: false },
  { value: "http://127.0.0.1:51004/other", matches: false },
  { value: "http://127.0.0.1:51004", matches: false },
  { value: "http://127.0.0.1:5001/fixed", matches: false },
  { value: "https://127.0.0.1:51004/cb?x=1", matches: false },
  { value: "http://127.0.0.2:51004/cb?x=1", matches: false },
  { value: "http://127.1:51004/cb?x=1", matches: false },
  { value: "http://0x7f.0.0.1:51004/cb?x=1", matches: false },
  { value: "http://user@127.0.0.1:51004/cb?x=1", matches: false },
  { value: "http://127.0.0.1:51004@evil.example/cb?x=1", matches: false },
  { value: "http://127.0.0.1.evil.example:51004/cb?x=1", matches: false },
  { value: "http://[::2]:51004/cb", matches: false },
  { value: "http://[0:0:0:0:0:0:0:1]:51004/cb", matches: false },
];
test.each(loopback)("with loopback registered, $value matches: $matches (RED-2, RFC 8252 §7.3, §8.3)", (row) => {
  expect(matchRedirectUri(native, row.value)).toBe(row.matches ? row.value : undefined);
});

const unregistered = [
  { value: OUT_OF_BAND, matches: true },
  { value: "http://localhost:8080", matches: true },
  { value: "http://localhost:1", matches: true },
  { value: "http://localhost:65535", matches: true },
  { value: "http://127.0.0.1:8080", matches: true },
  { value: "http://[::1]:8080", matches: true },
  { value: "", matches: false },
  { value: "URN:ietf:wg:oauth:2.0:oob", matches: false },
  { value: "urn:ietf:wg:oauth:2.0:oob:auto", matches: false },
  { value: "urn:ietf:wg:oauth:2.0:oob ", matches: false },
  { value: "urn:ietf:wg:oauth:2.0:oo", matches: false },
  { value: "http://localhost", matches: false },
  { value: "http://localhost:", matches: false },
  { value: "http://localhost:0", matches: false },
  { value: "http://localhost:08080", matches: false },
  { value: "http://localhost:65536", matches: false },
  { value: "http://localhost:8080/", matches: false },
  { value: "http://localhost:8080/callback", matches: false },
  { value: "http://localhost:8080?a=b", matches: false },
  { value: "http://localhost:8080#a", matches: false },
  { value: "http://localhost:8080\n", matches: false },
  { value: "http://LOCALHOST:8080", matches: false },
  { value: "https://localhost:8080", matches: false },
  { value: "http://user@localhost:8080", matches: false },
  { value: "http://localhost:8080@evil.example", matches: false },
  { value: "http://localhost.evil.example:8080", matches: false },
  { value: "http://127.1:8080", matches: false },
  { value: "http://127.0.0.2:8080", matches: false },
  { value: "http://[::2]:8080", matches: false },
  { value: "http://app.example.com:8080", matches: false },
];
test.each(unregistered)(
  "with nothing registered by a public client, $value matches: $matches (v1 C09, v1 C10, v1 C11)",
  (row) => {
    expect(matchRedirectUri({ public: true, redirectUris: [] }, row.value)).toBe(row.matches ? row.value : undefined);
    expect(matchRedirectUri({ public: false, redirectUris: [] }, row.value)).toBeUndefined();
  },
);

test("a public client that registered redirect URIs is held to them (RED-1, v1 C08)", () => {
  for (const value of [OUT_OF_BAND, "http://localhost:8080", "http://127.0.0.1:8080"]) {
    expect(matchRedirectUri(native, value)).toBeUndefined();
  }
});

const accepted = [
  { uri: "https://app.example.com/cb", form: "https" },
  { uri: "https://app.example.com", form: "https" },
  { uri: "https://app.example.com:8443/cb?a=b", form: "https" },
  { uri: "http://127.0.0.1/cb", form: "loopback" },
  { uri: "http://127.0.0.1:5555/cb", form: "loopback" },
  { uri: "http://[::1]/cb", form: "loopback" },
  { uri: "http://localhost:3000/cb", form: "loopback" },
  { uri: "com.example.app:/oauth", form: "private-use" },
  { uri: "com.example.app://oauth/cb", form: "private-use" },
];
test.each(accepted)("$uri can be registered and is kept as it is (RED-3, RED-8)", ({ uri, form }) => {
  expect(parseRedirectUriForRegistration(uri)).toEqual({ kind: "accepted", uri, form });
});

const unregistrable = [
  "",
  "/cb",
  "app.example.com/cb",
  "http://app.example.com/cb",
  "http://10.0.0.1/cb",
  "http://127.0.0.1.evil.example/cb",
  "https://*.example.com/cb",
  "https://app.example.com/*",
  "https://app.example.com/cb#",
  "https://app.example.com/cb#x",
  "https://user@app.example.com/cb",
  "https://user:pass@app.example.com/cb",
  "https://@app.example.com/cb",
  "https://app.example.com/c b",
  " https://app.example.com/cb",
  "https://app.example.com/cb\n",
  "https://app.example.com/cb\0",
  "https://app.example.com/\u00e4",
  "https://b\u00fccher.example/cb",
  "https://APP.example.com/cb",
  "https://app.example.com:443/cb",
  "https://app.example.com/a/../cb",
  "https://app.example.com/%2e%2e/cb",
  "https://app.example.com\\cb",
  "https:app.example.com/cb",
  "http://127.1/cb",
  "http://2130706433/cb",
  "javascript:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://app.example.com/x",
  "about:blank",
  "myapp:/cb",
  "urn:ietf:wg:oauth:2.0:oob",
  `https://app.example.com/${"a".repeat(1000)}`,
];
test.each(unregistrable)("%j cannot be registered (RED-3, RED-8)", (uri) => {
  expect(parseRedirectUriForRegistration(uri)).toMatchObject({
    kind: "refused",
    reason: expect.stringMatching(/^redirect URI /),
  });
});

test.each(["code", "state", "iss", "response", "error", "access_token", "id_token"])(
  "a redirect URI that already holds the %s of an answer cannot be registered (AUT-2, RED-8)",
  (name) => {
    for (const query of [
      `${name}=x`,
      `a=b&${name}`,
      `%${Buffer.from(name).toString("hex").match(/../g)?.join("%")}=x`,
    ]) {
      const parsed = parseRedirectUriForRegistration(`https://app.example.com/cb?${query}`);
      expect(parsed).toMatchObject({ kind: "refused", reason: expect.stringContaining(name) });
    }
    expect(parseRedirectUriForRegistration(`https://app.example.com/${name}?x${name}=x`).kind).toBe("accepted");
  },
);

test("whoever wrote a redirect URI in another form is told the normal one (RED-8)", () => {
  expect(parseRedirectUriForRegistration("https://APP.example.com:443/a/../cb")).toMatchObject({
    reason: expect.stringContaining("write it as https://app.example.com/cb"),
  });
});
