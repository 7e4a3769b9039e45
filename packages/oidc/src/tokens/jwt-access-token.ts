/** The `typ` of a JWT access token's header, RFC 9068 §2.1. Told apart from every other JWT of ours by it (JWT-3). */
export const ACCESS_TOKEN_JWT_TYP = "at+jwt";
