/** Dates, counts and links for people to read. Pure, apart from the reader's own language and time zone. */

import { locale, number } from "./texts.js";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
let formats = formatsOf(timeZone());

function timeZone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/**
 * Formats, which keep the time zone that they are made in.
 *
 * @param {string} timeZone
 */
function formatsOf(timeZone) {
  const format = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(locale, options);
  return {
    timeZone,
    time: format({ timeStyle: "short" }),
    weekday: format({ weekday: "long" }),
    shortWeekday: format({ weekday: "short" }),
    day: format({ day: "numeric", month: "long" }),
    shortDay: format({ day: "numeric", month: "short" }),
    dayAndYear: format({ day: "numeric", month: "long", year: "numeric" }),
    shortDayAndYear: format({ day: "numeric", month: "short", year: "numeric" }),
    whole: format({ dateStyle: "full", timeStyle: "medium" }),
  };
}

/** Follows the reader to another time zone. */
export function updateTimeZone() {
  if (timeZone() !== formats.timeZone) formats = formatsOf(timeZone());
}

/** The reader's date and time zone. Day lines change with it. */
export const today = (now = new Date()) => `${now.toDateString()} ${formats.timeZone}`;

/**
 * @param {Date} date
 * @param {Date} now
 */
function daysBetween(date, now) {
  const midnight = (/** @type {Date} */ at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((midnight(now) - midnight(date)) / DAY_MS);
}

const capitalized = (/** @type {string} */ text) => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

/** The time of a message in its conversation, 14:05. */
export const clock = (/** @type {string} */ at) => formats.time.format(new Date(at));

/** The full date and time, for a tooltip. */
export const moment = (/** @type {string} */ at) => formats.whole.format(new Date(at));

/**
 * The line above a day's messages: Today, Yesterday, Monday, 3 January, 28 December 2025.
 *
 * @param {string} at
 */
export function dayLine(at, now = new Date()) {
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days === 0 || days === 1) return capitalized(relative.format(-days, "day"));
  if (days > 1 && days < 7) return formats.weekday.format(date);
  return (date.getFullYear() === now.getFullYear() ? formats.day : formats.dayAndYear).format(date);
}

/**
 * The time of a conversation's last message: now, 5 min. ago, 14:05, Yesterday, Mon, 3 Jan, 28 Dec 2025.
 *
 * @param {string} at
 */
export function ago(at, now = new Date()) {
  const date = new Date(at);
  const minutes = Math.floor((now.getTime() - date.getTime()) / MINUTE_MS);
  if (minutes < 1) return relative.format(0, "second");
  if (minutes < 60) return new Intl.RelativeTimeFormat(locale, { style: "short" }).format(-minutes, "minute");
  const days = daysBetween(date, now);
  if (days <= 0) return formats.time.format(date);
  if (days === 1) return capitalized(relative.format(-1, "day"));
  if (days < 7) return formats.shortWeekday.format(date);
  return (date.getFullYear() === now.getFullYear() ? formats.shortDay : formats.shortDayAndYear).format(date);
}

/** A count that fits into a badge. */
export const badge = (/** @type {number} */ count) => (count > 99 ? `${number(99)}+` : number(count));

/** A message's length in code points, as the API counts it. */
export const length = (/** @type {string} */ text) => [...text].length;

/**
 * Whether a text has a visible character, as the server's model/text.py decides it.
 *
 * @param {string} text
 */
export const shows = (text) => /[^\s\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/v.test(text);

/** @type {Record<string, string>} */
const OPENING = { ")": "(", "]": "[", "}": "{" };
/**
 * A host of letters and digits, then perhaps a path. Invisible characters, brackets, quotation marks and punctuation of
 * scripts that are not written in ASCII end a link, wherever they are.
 */
const LINK =
  /\bhttps?:\/\/(?:\[[\da-f:.]+\])?[[\p{L}\p{M}\p{N}.:@_%~\-]--\p{Default_Ignorable_Code_Point}]*(?:[\/?#][^\s<>"`＜＞—\p{Default_Ignorable_Code_Point}[[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Quotation_Mark}\p{Terminal_Punctuation}\p{Sentence_Terminal}]--\p{ASCII}]]*)?/giv;
const END_OF_LINK = /^(?:[.,;:!?'*~｜～]|[[\p{Po}\p{Pd}]--\p{ASCII}])$/v;

/**
 * Splits a text into plain pieces and links. Only http and https become links, without the punctuation and the
 * emphasis that follow, and without a bracket that was opened before the link.
 *
 * @param {string} text
 * @returns {{ text: string, href?: string }[]}
 */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    let link = match[0];
    for (;;) {
      const last = [...link].at(-1) ?? "";
      const opening = OPENING[last];
      const unopened = opening && link.split(opening).length <= link.split(last).length - 1;
      if (!END_OF_LINK.test(last) && !unopened) break;
      link = link.slice(0, -last.length);
    }
    if (!URL.canParse(link)) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ text: link, href: new URL(link).href });
    end = match.index + link.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}
