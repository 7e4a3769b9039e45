export { ApiError, type ApiErrorCode } from "./api-error.ts";
export type { ManagedClients } from "./clients.ts";
export type { ManagedConnectors } from "./connectors.ts";
export { ADMIN_API, type ApiConventions, USER_API } from "./conventions.ts";
export { type JsonApiParts, makeJsonApi, sendApiError } from "./json-api.ts";
export { makeManagementRoutes } from "./management-routes.ts";
export { type ApiCall, type ApiReply, type ApiRoute, withBody } from "./route.ts";
