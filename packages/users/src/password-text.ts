/** No password is longer, in bytes, after normalisation. What is longer is never hashed (ACC-7). */
export const PASSWORD_MAX_BYTES = 1024;

/**
 * The one normalisation of passwords: NFKC, as NIST SP 800-63B-4 §3.1.1.2 suggests, so that a password typed on another
 * keyboard is the same password. Nothing is trimmed and no case is folded. Never change it: stored hashes depend on it.
 */
export function normalizePassword(password: string): string {
  return password.normalize("NFKC");
}
