/** What a client asks of an upstream that asks for neither groups nor offline access. */
export const NOTHING_ASKED = { groups: false, offlineAccess: false } as const;

/** A callback of which nothing but its parameters matters. */
export const PLAIN_CALLBACK = { header: (): undefined => undefined, peer: "192.0.2.1" } as const;
