// Which of a GitHub person's addresses is taken. Pure.
export interface GithubAddress {
  readonly email: string;
  readonly verified: boolean;
  readonly primary: boolean;
}

const NOREPLY = /@users\.noreply\./i;

/**
 * The first verified address in the preferred domain; else the verified primary one; else another verified one, GitHub's
 * own noreply address last, since no mail arrives there. Where none is verified: the primary one, which proves nothing.
 */
export function chooseAddress(
  addresses: readonly GithubAddress[],
  preferredDomain: string | undefined,
): GithubAddress | undefined {
  const verified = addresses.filter((address) => address.verified);
  const preferred = preferredDomain === undefined ? [] : verified.filter(({ email }) => isIn(email, preferredDomain));
  return (
    preferred[0] ??
    verified.find(({ primary }) => primary) ??
    verified.find(({ email }) => !NOREPLY.test(email)) ??
    verified[0] ??
    addresses.find(({ primary }) => primary)
  );
}

/** Equal domains, label by label; `*` stands for one whole label. */
function isIn(email: string, domain: string): boolean {
  // The part after the last @: an address with several must not choose its domain (ACC-14).
  const labels = email
    .slice(email.lastIndexOf("@") + 1)
    .toLowerCase()
    .split(".");
  const wanted = domain.toLowerCase().split(".");
  return labels.length === wanted.length && wanted.every((label, index) => label === "*" || label === labels[index]);
}
