// What a grant says of resources, as it is kept with the code and the family.
import type { JsonObject } from "@dex/runtime";

/** A resource that tokens may be made for, with the part of the scope that was allowed there (RFC 8707). */
export interface GrantedResource {
  readonly identifier: string;
  readonly scope: readonly string[];
}

/** A type of authorization details that a resource knows, RFC 9396 §2. */
export interface AuthorizationDetailsType {
  readonly type: string;
  /** What people are told that it is. */
  readonly name: string;
  /** Its members beside `type` and those that all types share. */
  readonly members: readonly string[];
}

/** One object of `authorization_details`, found good. */
export type AuthorizationDetail = JsonObject & { readonly type: string };

/** What a token request names, to be looked for in what was granted before anything is spent. */
export interface AskedOfGrant {
  /** Identifiers of registered resources. */
  readonly resources: readonly string[];
  readonly authorizationDetails: readonly AuthorizationDetail[] | undefined;
}
