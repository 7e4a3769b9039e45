import type { ApiErrorCode } from "./api-error.ts";

/** How an API looks from outside where two APIs over the same services differ. */
export interface ApiConventions {
  /** Clients are listed at `clients`, created at `client`, deleted below it. */
  readonly paths: { readonly clients: string; readonly client: string; readonly connectors: string };
  readonly createdStatus: 200 | 201;
  /** dex v1 leaves an empty list out, takes null for one, and answers a replacement with nothing. */
  readonly connectorList: "as in dex v1" | "always whole";
  /** Whether `/clients/` is `/clients`. */
  readonly trailingSlash: "ignored" | "refused";
  /** dex v1 did not look at the Content-Type, and its clients often sent none. */
  readonly untypedBody: "taken for JSON" | "refused";
  /** Codes that go out under another name. */
  readonly codes: Readonly<Partial<Record<ApiErrorCode, ApiErrorCode>>>;
}

/** The overlord's bootstrap admin API: that of dex v1. */
export const ADMIN_API: ApiConventions = {
  paths: { clients: "/api/v1/clients", client: "/api/v1/client", connectors: "/api/v1/connectors" },
  createdStatus: 200,
  connectorList: "as in dex v1",
  trailingSlash: "ignored",
  untypedBody: "taken for JSON",
  codes: {},
};

/** The workers' API, mounted at `<issuer>/api/v1`. */
export const USER_API: ApiConventions = {
  paths: { clients: "/clients", client: "/clients", connectors: "/connectors" },
  createdStatus: 201,
  connectorList: "always whole",
  trailingSlash: "refused",
  untypedBody: "refused",
  codes: {
    bad_request: "invalid_request",
    method_not_allowed: "invalid_request",
    payload_too_large: "invalid_request",
    unsupported_media_type: "invalid_request",
  },
};
