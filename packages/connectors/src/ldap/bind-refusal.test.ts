import { expect, test } from "vitest";
import { describeBindRefusal } from "./bind-refusal.ts";

const said = (data: string) =>
  `80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data ${data}, v3839`;

test.each([
  { data: "525", reason: /no such account/ },
  { data: "52e", reason: /wrong password/ },
  { data: "532", reason: /password has expired/ },
  { data: "533", reason: /disabled/ },
  { data: "701", reason: /account has expired/ },
  { data: "773", reason: /must be changed first/ },
  { data: "775", reason: /locked/ },
  { data: "00000532", reason: /password has expired/ },
  { data: "57", reason: /^wrong password, or a locked account$/ },
])("Active Directory's data $data is told to operators as $reason", ({ data, reason }) => {
  expect(describeBindRefusal(49, said(data))).toMatch(reason);
});

test("a locked account is a refusal, other results are not (C 58)", () => {
  expect(describeBindRefusal(49, "Invalid Credentials")).toBe("wrong password, or a locked account");
  expect(describeBindRefusal(19, "")).toMatch(/locked/);
  for (const code of [1, 8, 13, 32, 51, 52, 53]) expect(describeBindRefusal(code, said("532"))).toBeUndefined();
});
