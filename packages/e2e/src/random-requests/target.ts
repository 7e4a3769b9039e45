/** One address, and what a good request to it holds. */
export interface Target {
  /** Below the issuer, or with `atOrigin` below its host. */
  readonly path: string;
  readonly atOrigin?: boolean;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly parameters: Readonly<Record<string, string>>;
  /** A JSON body is made of the parameters instead of a form. */
  readonly json?: boolean;
  readonly authorization?: readonly string[];
  /** What stands in the DPoP header of a good request, each good for one. */
  readonly proofs?: readonly string[];
  /** Of the browser whose page it is. */
  readonly cookie?: string;
}
