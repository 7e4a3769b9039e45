// What a page is made of, whatever stands in it: no text that somebody chose may change it (BRO-11).

export const HOSTILE_TEXTS: readonly string[] = [
  `"><script>alert(1)</script>`,
  `'><img src=x onerror=alert(1)>`,
  "</title></textarea></style></script><svg onload=alert(1)>",
  "javascript:alert(1)//",
  "//evil.example/",
  'x" autofocus onfocus=alert(1) x="',
  "` onmouseover=alert(1) ",
  "\0<\0script>alert(1)</script>",
  "&lt;script&gt;&#60;b&#62;",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of another language is what is tried
  "${7*7}{{7*7}}<%= 7*7 %>",
  "\u202e<b>\u2066",
];

export interface PageShape {
  /** The tags with the names of their attributes, in order. */
  readonly tags: readonly string[];
  /** Where links, pictures and forms lead. */
  readonly targets: readonly string[];
}

export function shapeOf(page: string): PageShape {
  const tags: string[] = [];
  const targets: string[] = [];
  for (const [, name = "", rest = ""] of page.matchAll(/<([a-z!/][^\s>]*)((?:[^">]|"[^"]*")*)>/gi)) {
    const attributes = [...rest.matchAll(/([^\s="]+)(?:="([^"]*)")?/g)];
    tags.push([name, ...attributes.map(([, attribute]) => attribute)].join(" "));
    for (const [, attribute, value = ""] of attributes) {
      if (attribute === "href" || attribute === "src" || attribute === "action") targets.push(value);
    }
  }
  return { tags, targets };
}
