/** The actions of a message: a menu beside it, and the field to edit it. */

import { el, isComposing } from "../dom.js";
import { length, shows } from "../format.js";
import { t } from "../texts.js";

/** @import { Key } from "../texts.js" */

const EMOJIS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const ONE_EMOJI = /^\p{RGI_Emoji}/v;
const MARGIN_PX = 8;

/**
 * Opens the menu of a message. Escape and a click beside it close it; the arrow keys move in it.
 *
 * @param {HTMLElement} article
 * @param {{ emojis: string[] | null, actions: [Key, () => void][], onreact: (emoji: string) => void }} options
 *   `emojis` are the reader's own reactions; null if there can be none
 */
export function openMenu(article, { emojis, actions, onreact }) {
  const pick = (/** @type {() => void} */ done) => () => {
    menu.hidePopover();
    done();
  };
  const other = el("input", {
    "aria-label": t("other_emoji"),
    placeholder: t("other_emoji"),
    autocomplete: "off",
    oninput: () => {
      const [emoji] = ONE_EMOJI.exec(other.value.trim()) ?? [];
      if (emoji) pick(() => onreact(emoji))();
    },
  });
  const reactions = EMOJIS.map((emoji) => {
    const isMine = String(emojis?.includes(emoji) ?? false);
    return el("button", { type: "button", "aria-pressed": isMine, onclick: pick(() => onreact(emoji)) }, emoji);
  });
  const menu = el(
    "div",
    { popover: "auto", className: "menu", role: "dialog", "aria-label": t("actions"), onkeydown: moveFocus },
    emojis && el("div", { className: "emojis" }, reactions),
    emojis && other,
    actions.map(([key, done]) => el("button", { type: "button", onclick: pick(done) }, t(key))),
  );
  menu.addEventListener("toggle", (event) => event.newState === "closed" && menu.remove());
  document.body.append(menu);
  menu.showPopover();
  place(menu, article);
  menu.querySelector("button")?.focus();
}

/**
 * Puts the menu below its message, or above it if there is no room.
 *
 * @param {HTMLElement} menu
 * @param {HTMLElement} article
 */
function place(menu, article) {
  const { top, bottom, left, right } = (article.querySelector(".bubble") ?? article).getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = bottom + MARGIN_PX;
  const isAtRight = (left + right) / 2 > innerWidth / 2;
  const x = isAtRight ? right - width : left;
  const y = below + height < innerHeight ? below : top - height - MARGIN_PX;
  menu.style.left = `${Math.max(MARGIN_PX, Math.min(x, innerWidth - width - MARGIN_PX))}px`;
  menu.style.top = `${Math.max(MARGIN_PX, Math.min(y, innerHeight - height - MARGIN_PX))}px`;
}

/** @param {KeyboardEvent} event */
function moveFocus(event) {
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step || (event.target instanceof HTMLInputElement && event.key.endsWith("t"))) return;
  event.preventDefault();
  const stops = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button, input")]);
  const index = stops.indexOf(/** @type {HTMLElement} */ (event.target));
  stops.at((index + step) % stops.length)?.focus();
}

/**
 * Shows a field with the text in place of a message. Resolves with the new text, or null if there is none.
 *
 * @param {HTMLElement} article
 * @param {string} text
 * @param {number} limit in characters
 * @returns {Promise<string | null>}
 */
export function editText(article, text, limit) {
  return new Promise((resolve) => {
    const save = el("button", { type: "submit", className: "link" }, t("save"));
    const field = el("textarea", {
      rows: 1,
      value: text,
      dir: "auto",
      "aria-label": t("edit"),
      oninput: () => {
        save.disabled = length(field.value) > limit || !shows(field.value);
        field.setAttribute("aria-invalid", String(save.disabled));
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape") resolve(null);
        if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
        event.preventDefault();
        if (!save.disabled) form.requestSubmit();
      },
    });
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const edited = field.value.trim();
      resolve(edited === text ? null : edited);
    };
    const cancel = el("button", { type: "button", className: "link", onclick: () => resolve(null) }, t("cancel"));
    const form = el("form", { className: "edit", onsubmit: submit }, field, el("p", {}, save, " · ", cancel));
    article.querySelector(".bubble")?.replaceChildren(form);
    field.focus();
    field.setSelectionRange(text.length, text.length);
  });
}
