import type { Json, JsonObject } from "@dex/runtime";

/** Claims of OIDC Core §5.1 in words for the person they are about. `updated_at` is told to clients alone. */
const LABELS: Readonly<Record<string, string>> = {
  given_name: "Given name",
  middle_name: "Middle name",
  family_name: "Family name",
  nickname: "Nickname",
  preferred_username: "User name",
  gender: "Gender",
  birthdate: "Birth date",
  phone_number: "Phone number",
  address: "Address",
  website: "Website",
  profile: "Profile page",
  picture: "Picture",
  zoneinfo: "Time zone",
  locale: "Language",
};

/** What is known of a person, to be shown to them. */
export function describeProfile(profile: JsonObject): readonly { readonly label: string; readonly value: string }[] {
  return Object.entries(LABELS).flatMap(([claim, label]) => {
    const value = inWords(profile[claim]);
    return value === "" ? [] : [{ label, value }];
  });
}

const ADDRESS_PARTS = ["street_address", "postal_code", "locality", "region", "country"];

function inWords(value: Json | undefined): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
  const address = new Map(Object.entries(value));
  const whole = address.get("formatted");
  if (typeof whole === "string") return whole;
  return ADDRESS_PARTS.map((part) => address.get(part))
    .filter((part) => typeof part === "string")
    .join(", ");
}
