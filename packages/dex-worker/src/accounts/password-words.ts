// What people are told about the passwords they choose.
import { PASSWORD_MIN_LENGTH } from "@dex/users";

export const PASSWORD_PROBLEMS = {
  missing: "Please choose a password.",
  "too short": `Please choose a password of at least ${PASSWORD_MIN_LENGTH} characters.`,
  "too long": "Please choose a shorter password.",
  "too common": "This password is easy to guess. Please choose another one.",
  "service name": "Please choose a password that is not made of the name of this service.",
  "own address": "Please choose a password that is not made of your email address.",
} as const;
