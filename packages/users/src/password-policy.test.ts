import { expect, test } from "vitest";
import { decidePassword } from "./password-policy.ts";

const about = { email: "jane.doe@widgetworks.example", serviceName: "Example Sign-In" };

test.each([
  "a plain sentence is fine",
  "fifteen letters",
  "пятнадцать букв и больше",
  "正確馬電池主食正確馬電池主食一",
  "  spaces at both ends  ",
  "the word example may occur in it",
  "x".repeat(15).replace(/x/g, (_, index: number) => String.fromCodePoint(97 + ((index * 7) % 26))),
  `${"long ".repeat(200)}enough`,
])("%j may be chosen (ACC-6)", (password) => {
  expect(decidePassword(password, about)).toEqual({ kind: "accepted" });
});

const refusals = [
  { password: "", reason: "too short" },
  { password: "fourteen lette", reason: "too short" },
  { password: "éééééééééééééé", reason: "too short" },
  { password: "e\u0301".repeat(14), reason: "too short" },
  { password: "😀".repeat(14), reason: "too short" },
  { password: "correct horse battery".repeat(60), reason: "too long" },
  { password: "\ufdfa".repeat(200), reason: "too long" },
  { password: "aaaaaaaaaaaaaaaa", reason: "too common" },
  { password: "Password-Password", reason: "too common" },
  { password: "12345678901234567", reason: "too common" },
  { password: "qwertyuiopasdfghjkl", reason: "too common" },
  { password: "zyxwvutsrqponmlkji", reason: "too common" },
  { password: "Correct Horse Battery Staple", reason: "too common" },
  { password: "Example Sign-In", reason: "service name" },
  { password: "example-sign-in-2030!", reason: "service name" },
  { password: "Jane.Doe@WidgetWorks.example", reason: "own address" },
  { password: "janedoe janedoe 1", reason: "own address" },
  { password: "widgetworks-2030!!", reason: "own address" },
];
test.each(refusals)("$password is refused as $reason (ACC-6)", ({ password, reason }) => {
  expect(decidePassword(password, about)).toEqual({ kind: "refused", reason });
});
