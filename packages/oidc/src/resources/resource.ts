// Protected resources that tokens are made for, RFC 8707: what an administrator says of each. dex itself is one, by its
// userinfo endpoint; no other has to be known for dex to work.
import type { SigningAlgorithm } from "../clients/client.ts";
import type { AuthorizationDetailsType } from "./terms.ts";

/** A registered resource. */
export interface Resource {
  /** What `resource` and `aud` call it: an absolute URI without a fragment, compared character by character. */
  readonly identifier: string;
  /** What people are told that a client wants to use. */
  readonly name: string;
  /** The scopes that a token for it can have. Those of OIDC Core are among them where its tokens may tell of the person. */
  readonly scopes: readonly string[];
  /** No access token for it is good for longer; undefined: as long as those of the client are. */
  readonly accessTokenSeconds: number | undefined;
  /** `jwt`: it reads its tokens itself (RFC 9068). `opaque`: it asks about them (RFC 7662). */
  readonly tokenFormat: "jwt" | "opaque";
  /** Of its JWT access tokens. */
  readonly signingAlgorithm: SigningAlgorithm;
  /** Clients that may ask for it; undefined: every one where a person is asked, and none where nobody is. */
  readonly allowedClients: readonly string[] | undefined;
  /** `named`: clients that no administrator registered have to be among the allowed ones, also where a person is asked. */
  readonly dynamicClients?: "named";
  /** The resource's own clients: they may ask about tokens for it at the introspection endpoint, and exchange them. */
  readonly introspectedBy: readonly string[];
  /** What can be asked of it beyond scopes, RFC 9396. */
  readonly authorizationDetailsTypes: readonly AuthorizationDetailsType[];
}

/** Those that there are, held in memory. */
export interface Resources {
  find(identifier: string): Resource | undefined;
  /** Ordered by identifier. */
  all(): readonly Resource[];
}

/** Where there is none. */
export const NO_RESOURCES: Resources = { find: () => undefined, all: () => [] };

export const MAX_RESOURCE_LENGTH = 512;
/** As many can be asked for with one request. */
export const MAX_RESOURCES_ASKED = 5;

/**
 * Whether the text can name a resource, RFC 8707 §2: an absolute URI without a fragment, in characters that a URI has. No
 * secrets in it either: user information is refused.
 */
export function isResourceIdentifier(text: string): boolean {
  if (
    text.length > MAX_RESOURCE_LENGTH ||
    !/^[a-z][a-z0-9+.-]*:[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e\x25]+$/i.test(text)
  ) {
    return false;
  }
  const url = URL.parse(text);
  return url !== null && url.hash === "" && url.username === "" && url.password === "";
}

/**
 * The resources in memory, to be replaced as a whole when some changed. `own`: those that are there without a registration; one
 * of the same identifier takes their place.
 */
export function makeResourceSet(
  own: readonly Resource[] = [],
): Resources & { replace(resources: readonly Resource[]): void } {
  let all: readonly Resource[] = own;
  let byIdentifier: ReadonlyMap<string, Resource> = new Map(own.map((one) => [one.identifier, one]));
  return {
    find: (identifier) => byIdentifier.get(identifier),
    all: () => all,
    replace(resources) {
      byIdentifier = new Map([...own, ...resources].map((one) => [one.identifier, one]));
      all = [...byIdentifier.values()].sort((left, right) => (left.identifier < right.identifier ? -1 : 1));
    },
  };
}
