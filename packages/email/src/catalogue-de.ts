import type { Catalogue } from "./catalogue.ts";

const NOT_YOU =
  "Wenn Sie das nicht waren, hat vielleicht jemand Zugang zu Ihrem Konto: Setzen Sie sofort ein neues Passwort und sagen " +
  "Sie denen Bescheid, von denen Sie das Konto haben.";
const NO_REPLY = "Auf diese Mail brauchen Sie nicht zu antworten.";
const SIGNATURE = "{{ issuer_name }}\n{{ issuer }}";

function compose(...paragraphs: readonly string[]): string {
  return ["Guten Tag,", ...paragraphs, NO_REPLY, SIGNATURE].join("\n\n");
}

export const GERMAN: Catalogue = {
  someClient: "einer Anwendung",
  namedClient: "der Anwendung „{{ client_name }}“",
  instant: "{{ day }}.{{ month }}.{{ year }} um {{ clock }} Uhr (UTC)",
  messages: {
    "confirm-registration": {
      subject: "{{ issuer_name }}: Bitte bestätigen Sie Ihre E-Mail-Adresse",
      text: compose(
        "jemand, vermutlich Sie selbst, möchte bei {{ issuer_name }} ein Konto mit der Adresse {{ email }}. Um die Adresse " +
          "zu bestätigen und das Konto zu erhalten, öffnen Sie diesen Link:",
        "{{ link }}",
        "Öffnen Sie ihn in dem Browser, in dem Sie sich registriert haben, oder halten Sie das gewählte Passwort bereit. " +
          "Der Link gilt einmal und nur für begrenzte Zeit.",
        "Wenn Sie kein Konto möchten, brauchen Sie nichts zu tun: Es wird dann keines angelegt.",
      ),
    },
    "account-exists": {
      subject: "{{ issuer_name }}: Sie haben bereits ein Konto",
      text: compose(
        "jemand, vermutlich Sie selbst, möchte bei {{ issuer_name }} ein neues Konto mit der Adresse {{ email }}. Sie haben " +
          "mit dieser Adresse bereits ein Konto; es wurde nichts geändert.",
        "Melden Sie sich einfach damit an. Wenn Sie Ihr Passwort vergessen haben, können Sie es auf der Anmeldeseite " +
          "zurücksetzen.",
        "Wenn das nicht von Ihnen kam, können Sie diese Mail ignorieren.",
      ),
    },
    "verify-email": {
      subject: "{{ issuer_name }}: Bitte bestätigen Sie Ihre E-Mail-Adresse",
      text: compose(
        "bitte bestätigen Sie, dass {{ email }} die Adresse Ihres Kontos bei {{ issuer_name }} ist. Öffnen Sie dazu diesen " +
          "Link:",
        "{{ link }}",
        "Der Link gilt einmal und nur für begrenzte Zeit. Wenn Sie kein solches Konto haben, können Sie diese Mail " +
          "ignorieren.",
      ),
    },
    invitation: {
      subject: "{{ issuer_name }}: Aktivieren Sie Ihr Konto",
      text: compose(
        "für Sie wurde bei {{ issuer_name }} ein Konto mit der Adresse {{ email }} angelegt. Um es zu aktivieren und ein " +
          "Passwort zu wählen, öffnen Sie diesen Link:",
        "{{ link }}",
        "Der Link gilt einmal und nur für begrenzte Zeit. Wenn Sie kein Konto erwarten, können Sie diese Mail ignorieren.",
      ),
    },
    "password-reset": {
      subject: "{{ issuer_name }}: Setzen Sie Ihr Passwort zurück",
      text: compose(
        "jemand, vermutlich Sie selbst, möchte das Passwort Ihres Kontos bei {{ issuer_name }} zurücksetzen. Um ein neues " +
          "zu wählen, öffnen Sie diesen Link:",
        "{{ link }}",
        "Der Link gilt einmal und nur kurze Zeit. Wenn das nicht von Ihnen kam, brauchen Sie nichts zu tun: Ihr Passwort " +
          "bleibt, wie es ist.",
      ),
    },
    "no-password": {
      subject: "{{ issuer_name }}: Ihr Konto hat kein Passwort",
      text: compose(
        "jemand, vermutlich Sie selbst, möchte das Passwort Ihres Kontos bei {{ issuer_name }} zurücksetzen. Ihr Konto hat " +
          "kein Passwort: Sie melden sich über einen anderen Anbieter an, den Sie auf der Anmeldeseite auswählen. Ein " +
          "vergessenes Passwort setzen Sie dort zurück.",
        "Wenn das nicht von Ihnen kam, können Sie diese Mail ignorieren: Es wurde nichts geändert.",
      ),
    },
    "password-changed": {
      subject: "{{ issuer_name }}: Ihr Passwort wurde geändert",
      text: compose(
        "das Passwort Ihres Kontos bei {{ issuer_name }} wurde am {{ time }} geändert. Überall, wo Sie sonst damit " +
          "angemeldet waren, müssen Sie sich neu anmelden.",
        NOT_YOU,
      ),
    },
    "confirm-email-change": {
      subject: "{{ issuer_name }}: Bitte bestätigen Sie Ihre neue E-Mail-Adresse",
      text: compose(
        "{{ email }} soll die Adresse eines Kontos bei {{ issuer_name }} werden. Um das zu bestätigen, öffnen Sie diesen " +
          "Link:",
        "{{ link }}",
        "Der Link gilt einmal und nur für begrenzte Zeit. Wenn das nicht von Ihnen kam, brauchen Sie nichts zu tun: Das " +
          "Konto behält dann seine jetzige Adresse.",
      ),
    },
    "email-change-requested": {
      subject: "{{ issuer_name }}: Ihre E-Mail-Adresse soll geändert werden",
      text: compose(
        "am {{ time }} wurde für Ihr Konto bei {{ issuer_name }} eine andere E-Mail-Adresse gewünscht. Geändert wird sie, " +
          "sobald die neue Adresse bestätigt ist; bis dahin bleibt alles, wie es ist.",
        NOT_YOU,
      ),
    },
    "email-changed": {
      subject: "{{ issuer_name }}: Ihre E-Mail-Adresse wurde geändert",
      text: compose(
        "Ihr Konto bei {{ issuer_name }} hat seit {{ time }} eine andere E-Mail-Adresse. Die Adresse {{ email }} gehört nicht " +
          "mehr dazu.",
        NOT_YOU,
      ),
    },
    "identity-linked": {
      subject: "{{ issuer_name }}: Ein neuer Weg, sich an Ihrem Konto anzumelden",
      text: compose(
        "Ihr Konto bei {{ issuer_name }} wurde am {{ time }} mit „{{ connector }}“ verknüpft. Ab jetzt können Sie sich auch " +
          "über diesen Anbieter anmelden.",
        NOT_YOU,
      ),
    },
    "identity-unlinked": {
      subject: "{{ issuer_name }}: Ein Weg zur Anmeldung an Ihrem Konto wurde entfernt",
      text: compose(
        "die Verknüpfung zwischen Ihrem Konto bei {{ issuer_name }} und „{{ connector }}“ wurde am {{ time }} entfernt. Über " +
          "diesen Anbieter können Sie sich nicht mehr anmelden.",
        NOT_YOU,
      ),
    },
    "backchannel-request": {
      subject: "{{ issuer_name }}: Eine Anwendung bittet Sie um Anmeldung",
      text: compose(
        "am {{ time }} hat {{ client }} bei {{ issuer_name }} darum gebeten, Sie dort anzumelden. Um zu sehen, worum es geht, " +
          "und es zu erlauben oder abzulehnen, öffnen Sie diesen Link:",
        "{{ link }}",
        "Erlauben Sie es nur, wenn Sie das gerade selbst begonnen oder selbst jemanden angerufen haben, der darum bittet. " +
          "Wenn Sie nichts davon wissen, brauchen Sie nichts zu tun: Die Anwendung bekommt dann nichts.",
      ),
    },
    "refresh-token-replayed": {
      subject: "{{ issuer_name }}: Eine Ihrer Anmeldungen wurde beendet",
      text: compose(
        "Ihre Anmeldung bei {{ client }} über {{ issuer_name }} wurde am {{ time }} beendet.",
        "Der Schlüssel, mit dem Sie dort angemeldet bleiben, wurde ein zweites Mal benutzt, obwohl jeder nur einmal gilt. " +
          "Es muss also zwei Kopien davon geben. Das kann ein Fehler der Anwendung sein, oder jemand hat ihn von einem Ihrer " +
          "Geräte kopiert. Was davon zutrifft, können wir nicht erkennen; deshalb gilt diese Anmeldung für niemanden mehr. " +
          "Ihre anderen Anmeldungen bleiben bestehen.",
        "Wenn Sie diese Anwendung benutzen, melden Sie sich dort neu an. Wenn Sie sie nicht kennen oder diese Mail " +
          "wiederkommt, sagen Sie denen Bescheid, die sie betreiben oder von denen Sie Ihr Konto haben.",
      ),
    },
  },
};
