/** The actions of a message: a menu beside it, and the field to edit it. */

import { el, isComposing } from "../dom.js";
import { length, shows } from "../format.js";
import { t } from "../texts.js";
import { showMenu } from "./menu.js";

/** @import { Key } from "../texts.js" */

const EMOJIS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const ONE_EMOJI = /^\p{RGI_Emoji}/v;

/**
 * Opens the menu of a message.
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
  const menu = showMenu(
    article.querySelector(".bubble") ?? article,
    { role: "dialog", "aria-label": t("actions") },
    emojis && el("div", { className: "emojis" }, reactions),
    emojis && other,
    actions.map(([key, done]) => el("button", { type: "button", onclick: pick(done) }, t(key))),
  );
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
