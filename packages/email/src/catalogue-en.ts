import type { Catalogue } from "./catalogue.ts";

const NOT_YOU =
  "If this was not you, somebody may have access to your account: set a new password at once and tell the people who " +
  "gave you the account.";
const NO_REPLY = "You need not reply to this mail.";
const SIGNATURE = "{{ issuer_name }}\n{{ issuer }}";

function compose(...paragraphs: readonly string[]): string {
  return ["Hello,", ...paragraphs, NO_REPLY, SIGNATURE].join("\n\n");
}

export const ENGLISH: Catalogue = {
  someClient: "an application",
  namedClient: 'the application "{{ client_name }}"',
  instant: "{{ year }}-{{ month }}-{{ day }} at {{ clock }} UTC",
  messages: {
    "confirm-registration": {
      subject: "{{ issuer_name }}: please confirm your email address",
      text: compose(
        "Somebody, most likely you, asked {{ issuer_name }} for an account with the address {{ email }}. To confirm the " +
          "address and have the account, open this link:",
        "{{ link }}",
        "Open it in the browser in which you registered, or have the password ready that you chose. The link works once " +
          "and for a limited time.",
        "If you did not ask for an account, do nothing: there will be none.",
      ),
    },
    "account-exists": {
      subject: "{{ issuer_name }}: you have an account already",
      text: compose(
        "Somebody, most likely you, asked {{ issuer_name }} for a new account with the address {{ email }}. You have an " +
          "account with this address already, so nothing was changed.",
        "Simply sign in with it. If you have forgotten your password, choose to reset it on the page where you sign in.",
        "If you did not ask for an account, you can ignore this mail.",
      ),
    },
    "verify-email": {
      subject: "{{ issuer_name }}: please confirm your email address",
      text: compose(
        "Please confirm that {{ email }} is the address of your account at {{ issuer_name }}. To do so, open this link:",
        "{{ link }}",
        "The link works once and for a limited time. If you have no such account, you can ignore this mail.",
      ),
    },
    invitation: {
      subject: "{{ issuer_name }}: activate your account",
      text: compose(
        "An account at {{ issuer_name }} was made for you, with the address {{ email }}. To activate it and choose a " +
          "password, open this link:",
        "{{ link }}",
        "The link works once and for a limited time. If you do not expect an account, you can ignore this mail.",
      ),
    },
    "password-reset": {
      subject: "{{ issuer_name }}: reset your password",
      text: compose(
        "Somebody, most likely you, asked to reset the password of your account at {{ issuer_name }}. To choose a new " +
          "one, open this link:",
        "{{ link }}",
        "The link works once and for a short time. If you did not ask for it, do nothing: your password stays as it is.",
      ),
    },
    "no-password": {
      subject: "{{ issuer_name }}: your account has no password",
      text: compose(
        "Somebody, most likely you, asked to reset the password of your account at {{ issuer_name }}. Your account has " +
          "no password: you sign in through another provider, which you choose on the page where you sign in. A " +
          "forgotten password is reset there.",
        "If you did not ask for it, you can ignore this mail: nothing was changed.",
      ),
    },
    "password-changed": {
      subject: "{{ issuer_name }}: your password was changed",
      text: compose(
        "The password of your account at {{ issuer_name }} was changed on {{ time }}. Wherever else you were signed in " +
          "with it, you will have to sign in again.",
        NOT_YOU,
      ),
    },
    "confirm-email-change": {
      subject: "{{ issuer_name }}: please confirm your new email address",
      text: compose(
        "{{ email }} is to become the address of an account at {{ issuer_name }}. To confirm this, open this link:",
        "{{ link }}",
        "The link works once and for a limited time. If you did not ask for it, do nothing: the account then keeps its " +
          "present address.",
      ),
    },
    "email-change-requested": {
      subject: "{{ issuer_name }}: your email address is to be changed",
      text: compose(
        "On {{ time }} another email address was asked for, for your account at {{ issuer_name }}. The change is made " +
          "when the new address is confirmed; until then nothing is different.",
        NOT_YOU,
      ),
    },
    "email-changed": {
      subject: "{{ issuer_name }}: your email address was changed",
      text: compose(
        "Your account at {{ issuer_name }} has had another email address since {{ time }}. The address {{ email }} no " +
          "longer belongs to it.",
        NOT_YOU,
      ),
    },
    "identity-linked": {
      subject: "{{ issuer_name }}: a new way to sign in to your account",
      text: compose(
        'Your account at {{ issuer_name }} was linked with "{{ connector }}" on {{ time }}. From now on you can sign in ' +
          "to it through that provider too.",
        NOT_YOU,
      ),
    },
    "identity-unlinked": {
      subject: "{{ issuer_name }}: a way to sign in to your account was removed",
      text: compose(
        'The link between your account at {{ issuer_name }} and "{{ connector }}" was removed on {{ time }}. You can no ' +
          "longer sign in to it through that provider.",
        NOT_YOU,
      ),
    },
    "backchannel-request": {
      subject: "{{ issuer_name }}: an application asks you to sign in",
      text: compose(
        "On {{ time }}, {{ client }} asked {{ issuer_name }} to sign you in there. To see what it asks for, and to allow or " +
          "deny it, open this link:",
        "{{ link }}",
        "Allow it only if you have just begun this yourself, or have yourself called somebody who asks for it. " +
          "If you do not expect it, do nothing: the application then gets nothing.",
      ),
    },
    "refresh-token-replayed": {
      subject: "{{ issuer_name }}: one of your sign-ins was ended",
      text: compose(
        "Your sign-in to {{ client }} through {{ issuer_name }} was ended on {{ time }}.",
        "The key that keeps you signed in there was used a second time, although each one works only once. Two copies " +
          "of it must exist. That can be a fault of the application, or somebody may have copied it from one of your " +
          "devices. We cannot tell which, so this sign-in no longer works for anybody. Your other sign-ins go on.",
        "If you use this application, sign in to it again. If you do not know it, or if this mail comes again, tell the " +
          "people who run it or who gave you your account.",
      ),
    },
  },
};
