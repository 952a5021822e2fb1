/** Builds elements. Text becomes text nodes and nothing else, so a message is never HTML. */

import { isolated, t } from "./texts.js";

/** @import { Person } from "./cruddur-messages/types.js" */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with these properties and children. Names that start with `on` become listeners, properties of the
 * element are set, and everything else becomes an attribute. null, undefined and false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} properties
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list") Object.assign(element, { [key]: value });
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  block: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM6.4 6.4l11.2 11.2",
  back: "M15 5l-7 7 7 7",
  compose:
    "M12 5H7a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-5M17.5 4.5a1.8 1.8 0 0 1 2.5 2.5L12.5 14.5 9 15l.5-3.5z",
  down: "M12 5v14M6 13l6 6 6-6",
  mute: "M7 16V10a5 5 0 0 1 8.5-3.5M17 10v6M5 16.5h11M10.5 20h3M4 4l16 16",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  pin: "M9 4h6M10 4v6l-3 4h10l-3-4V4M12 14v6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  send: "M12 19V5M6 11l6-6 6 6",
  settings: "M4 8h4M14 8h6M4 16h8M18 16h2M11 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM15 19a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  out: "M14 5H7a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h7M10 12h10M16.5 8.5L20 12l-3.5 3.5",
  talk: "M5 7a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-5l-4 4v-4H7a2 2 0 0 1-2-2z",
};

/** @typedef {keyof typeof PATHS} Icon */

/** Icons that point to where a text begins or ends. */
const TURNING = new Set(["back", "out"]);

/**
 * A decoration. A label or the text beside it must say the same in words.
 *
 * @param {Icon} name
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", TURNING.has(name) ? "icon turns" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * The top of a pane, with the way back to all conversations.
 *
 * @param {...Child} children
 */
export function paneBar(...children) {
  const back = el(
    "a",
    { className: "round back", href: "/messages", "aria-label": t("all_conversations") },
    icon("back"),
  );
  return el("header", { className: "bar" }, back, ...children);
}

const segmenter = new Intl.Segmenter();

/**
 * A person's picture, and until it is loaded their initials on one of eight colours. A handle always has the same
 * colour. The name beside it says the same to a screen reader.
 *
 * @param {Pick<Person, "display_name" | "handle" | "avatar">} person
 */
export function avatar({ display_name, handle, avatar }) {
  const words = display_name.trim().split(/\s+/);
  const first = (/** @type {string} */ word) => segmenter.segment(word).containing(0)?.segment ?? "";
  const initials = first(words[0]) + (words.length > 1 ? first(words[words.length - 1]) : "");
  let hash = 0;
  for (const character of handle) hash = (hash * 131 + character.charCodeAt(0)) >>> 0;
  const className = `avatar hue-${hash % 8}`;
  const face = el("span", { className, "aria-hidden": "true" }, el("span", {}, initials.toUpperCase()));
  if (avatar?.startsWith("https://")) face.append(picture(avatar));
  return face;
}

/** @param {string} src */
function picture(src) {
  const image = el("img", { alt: "", decoding: "async", referrerPolicy: "no-referrer", hidden: true });
  image.addEventListener("load", () => {
    image.hidden = false;
  });
  image.src = src;
  return image;
}

/**
 * A handle as it is shown: @londo, also in a text from right to left.
 *
 * @param {string} handle
 */
export const atHandle = (handle) => isolated(`@${handle}`);

/**
 * A person's name above their handle, if they have one.
 *
 * @param {Pick<Person, "display_name" | "handle">} person
 */
export function nameAndHandle({ display_name, handle }) {
  const name = el("b", { dir: "auto" }, display_name);
  return el("span", { className: "who" }, name, handle && el("span", { className: "dim" }, atHandle(handle)));
}

/**
 * A button that looks like a link.
 *
 * @param {string} label
 * @param {() => void} action
 */
export function linkButton(label, action) {
  return el("button", { type: "button", className: "link", onclick: action }, label);
}

/**
 * Whether a key belongs to an input method, which composes a word of several keys: Enter then ends the word, and no more.
 * Safari has ended the composition before it sends that key, and then only the code 229 tells.
 *
 * @param {KeyboardEvent} event
 */
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

/** @type {HTMLElement | undefined} */
let announcer;

/**
 * Has a screen reader say the text, after its current one.
 *
 * @param {string} text
 */
export function announce(text) {
  announcer ??= document.body.appendChild(el("div", { className: "unseen", role: "status", "aria-live": "polite" }));
  announcer.textContent = text;
}
