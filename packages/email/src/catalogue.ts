import type { MessageName } from "./message-names.ts";

/** What the built-in messages say in one language. Places are filled as in placeholders.ts; a blank line ends a paragraph. */
export interface Catalogue {
  /** What {{ client }} becomes: without a name, and with one as {{ client_name }}. */
  readonly someClient: string;
  readonly namedClient: string;
  /** What {{ time }} becomes, of {{ year }}, {{ month }}, {{ day }} and {{ clock }}. */
  readonly instant: string;
  readonly messages: Readonly<Record<MessageName, { readonly subject: string; readonly text: string }>>;
}
