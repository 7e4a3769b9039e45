// Text that others write and people decide by: what a client is called, what it asks for, what it says.

/** Controls, marks that turn text around, and letters without a shape: with them a text reads as another than it is. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** Joiners, which some scripts and emoji are not written without, and the selectors of a letter's form. */
const JOINING = /\u200c|\u200d|[\ufe00-\ufe0f]/gu;

/** Whether there is something in the text that is not seen. */
export function hidesSomething(text: string): boolean {
  return UNSEEN.test(text);
}

/** The same, but for what shapes the letters beside it. */
export function misleads(text: string): boolean {
  return UNSEEN.test(text.replace(JOINING, ""));
}

/** Whether there is nothing to see at all. */
export function isBlank(text: string): boolean {
  return /^[\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);
}
