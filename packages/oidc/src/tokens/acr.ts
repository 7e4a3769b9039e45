/**
 * How sure we are of who signed in, OIDC Core §2 `acr`: one proof, or proofs of more than one kind. Connectors say which by
 * `amr` (RFC 8176), and so do upstreams.
 */
export const ACR_VALUES = ["1", "2"] as const;

/** Methods that are a second proof by themselves, or say that there were several. */
const SEVERAL_PROOFS: readonly string[] = ["mfa", "mca", "otp", "hwk", "sc"];

/** The acr of a sign-in with these methods. A sign-in that does not tell how it was done counts as one proof. */
export function acrOf(amr: readonly string[]): (typeof ACR_VALUES)[number] {
  return amr.includes("mfa") || (amr.includes("pwd") && amr.some((method) => SEVERAL_PROOFS.includes(method)))
    ? "2"
    : "1";
}
