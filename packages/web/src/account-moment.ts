import { type Html, html } from "./html.ts";

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** When something was, as people say it. Within a week by its distance, which is the same in every time zone. */
export function describeMoment(at: Date, now: Date): string {
  const age = now.getTime() - at.getTime();
  if (age < MINUTE) return "just now";
  if (age < HOUR) return ago(age / MINUTE, "minute");
  if (age < DAY) return ago(age / HOUR, "hour");
  if (age < 7 * DAY) return ago(age / DAY, "day");
  return `on ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** The same for a page; programs and tooltips get the exact time. */
export function renderMoment(at: Date, now: Date): Html {
  const exact = at.toISOString();
  return html`<time datetime="${exact}" title="${exact.slice(0, 16).replace("T", " ")} UTC">${describeMoment(at, now)}</time>`;
}

function ago(count: number, unit: string): string {
  const whole = Math.floor(count);
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
}
