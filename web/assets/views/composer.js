/** The field for a new message. It grows with the text, counts down and keeps a draft. */

import { el, icon, isComposing } from "../dom.js";
import { length, shows } from "../format.js";
import { number, t } from "../texts.js";

/** @import { Drafts } from "../drafts.js" */

const FEW_CHARACTERS_LEFT = 100; // from here on the countdown stands out
const isTouchScreen = matchMedia("(pointer: coarse)"); // its keyboard has no Shift+Enter, so Enter breaks the line

export class Composer {
  /** @type {string | null} The key of the draft. */
  #draft = null;
  #kept = "";
  #isTyped = false;
  /** @type {() => void} */
  #stopListening;

  /**
   * @param {object} options
   * @param {number} options.limit in characters
   * @param {Drafts} options.drafts
   * @param {(text: string) => void} options.onsend
   * @param {() => void} [options.ontype]
   */
  constructor({ limit, drafts, onsend, ontype }) {
    this.limit = limit;
    this.drafts = drafts;
    this.onsend = onsend;
    this.count = el("span", { className: "count", id: "count" });
    this.text = el("textarea", {
      rows: 1,
      placeholder: t("type_a_message"),
      "aria-label": t("message"),
      "aria-describedby": "count",
      enterKeyHint: isTouchScreen.matches ? "enter" : "send",
      dir: "auto",
      disabled: true,
      oninput: () => {
        this.#isTyped = true;
        this.#keepDraft();
        this.update();
        if (this.text.value) ontype?.();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter" || event.shiftKey || isComposing(event) || isTouchScreen.matches) return;
        event.preventDefault();
        this.#send();
      },
    });
    this.button = el("button", { type: "submit", className: "round primary", "aria-label": t("send") }, icon("send"));
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#send();
    };
    this.element = el(
      "form",
      { className: "composer", onsubmit: submit },
      el("div", { className: "field" }, this.text, this.count),
      this.button,
    );
    this.#stopListening = drafts.onForeignChange((key) => key === this.#draft && this.#yield());
    this.update();
  }

  close() {
    this.#stopListening();
    this.element.remove();
  }

  /** @param {string} text */
  label(text) {
    this.text.setAttribute("aria-label", text);
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  /**
   * Shows a draft, and keeps it from now on. Without one, nothing can be typed.
   *
   * @param {string | null} draft
   */
  open(draft) {
    this.#draft = draft;
    this.text.value = draft ? this.drafts.get(draft) : "";
    this.#kept = this.text.value;
    this.#isTyped = false;
    this.text.disabled = !draft;
    this.update();
  }

  update() {
    const text = this.text.value;
    const left = this.limit - length(text);
    this.count.textContent = text ? number(left) : "";
    this.count.classList.toggle("close", left < FEW_CHARACTERS_LEFT);
    this.count.classList.toggle("over", left < 0);
    this.text.setAttribute("aria-invalid", String(left < 0));
    this.button.disabled = this.text.disabled || left < 0 || !shows(text);
    if (CSS.supports("field-sizing", "content")) return;
    this.text.style.height = "auto";
    if (this.text.scrollHeight) this.text.style.height = `${this.text.scrollHeight}px`;
  }

  #send() {
    if (this.button.disabled) return;
    const text = this.text.value.trim();
    this.text.value = "";
    this.#isTyped = false;
    this.#keepDraft();
    this.update();
    this.onsend(text);
    this.focus();
  }

  /** Keeps the text as a draft. An empty one ends its own. */
  #keepDraft() {
    const text = this.text.value;
    if (this.#draft && (text || this.drafts.get(this.#draft) === this.#kept)) this.drafts.set(this.#draft, text);
    this.#kept = text;
  }

  /** Another tab has sent the draft: a text that was typed here stays, a copy goes. */
  #yield() {
    if (!this.#draft || this.drafts.get(this.#draft)) return;
    if (this.#isTyped) return this.#keepDraft();
    this.text.value = this.#kept = "";
    this.update();
  }
}
