/**
 * The texts of the page, in the reader's language. texts/en.js has those of the first view and texts/more/en.js all
 * others; each other file there translates one of the two.
 */

/** @typedef {keyof typeof import("./texts/en.js").default} FirstKey */
/** @typedef {keyof typeof import("./texts/more/en.js").default} OtherKey */
/** @typedef {FirstKey | OtherKey} Key */
/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text */
/** @typedef {Record<FirstKey, Text>} Texts */
/** @typedef {Record<OtherKey, Text>} MoreTexts */

/** @type {Record<string, "ltr" | "rtl">} The languages of texts/, and the direction of each. */
const DIRECTIONS = { ar: "rtl", de: "ltr", en: "ltr" };

const languageOf = (/** @type {string} */ tag) => tag.split("-")[0];

/** The reader's first language that the page has, with the region that dates and numbers depend on, as in de-AT. */
export const locale = navigator.languages.find((tag) => languageOf(tag) in DIRECTIONS) ?? "en";

const language = languageOf(locale);
const direction = DIRECTIONS[language];

/** @type {Texts & Partial<MoreTexts>} */
const texts = { ...(await import(`./texts/${language}.js`)).default };
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/** Tells the browser and screen readers the language and the direction of the page. */
export function applyLanguage() {
  document.documentElement.lang = locale;
  document.documentElement.dir = direction;
}

/** Loads the texts of all that the first view does without. */
export async function loadMoreTexts() {
  Object.assign(texts, (await import(`./texts/more/${language}.js`)).default);
}

/**
 * A text of the page. A value named `count` chooses the plural form.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} [values] for the names in braces
 */
export function t(key, values = {}) {
  const text = texts[key];
  const form = typeof text === "string" ? text : text?.[plurals.select(Number(values.count))];
  return (form ?? "").replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

/**
 * @param {string} key
 * @returns {key is Key}
 */
export const hasText = (key) => Object.hasOwn(texts, key);

/**
 * A number in the reader's language.
 *
 * @param {number} value
 */
export const number = (value) => numbers.format(value);

/**
 * A text that keeps its own direction in a page from right to left. The marks around it are invisible.
 *
 * @param {string} text
 */
export const isolated = (text) => (direction === "rtl" ? `\u2068${text}\u2069` : text);

/** @param {string | number} value */
function shown(value) {
  return typeof value === "number" ? number(value) : isolated(value);
}
