/** Where a message is written: grows with it, counts down, keeps a draft. */

import { el, icon } from "../dom.js";
import { length } from "../format.js";

const CLOSE = 100; // characters left from which the countdown stands out

export class Composer {
  /** `onsend` is called with the text. What is not sent yet stays in localStorage under `key`. */
  constructor({ limit, key, onsend, ontype }) {
    Object.assign(this, { limit, key, onsend });
    this.count = el("span", { className: "count", id: "count" });
    this.text = el("textarea", {
      rows: 1,
      placeholder: "Write a message",
      "aria-label": "Message",
      "aria-describedby": "count",
      enterKeyHint: "send",
      dir: "auto",
      value: localStorage.getItem(key) ?? "",
      oninput: () => {
        this.#keep();
        this.update();
        if (this.text.value) ontype?.();
      },
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#send();
      },
    });
    this.button = el("button", { type: "submit", className: "round primary", "aria-label": "Send" }, icon("send"));
    this.element = el(
      "form",
      {
        className: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.#send();
        },
      },
      el("div", { className: "field" }, this.text, this.count),
      this.button,
    );
    this.update();
  }

  close() {
    this.element.remove();
  }

  label(text) {
    this.text.setAttribute("aria-label", text);
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  /** Whether it can be used at all. */
  set isEnabled(isEnabled) {
    this.text.disabled = !isEnabled;
    this.update();
  }

  update() {
    const text = this.text.value;
    const left = this.limit - length(text);
    this.count.textContent = text ? left.toLocaleString() : "";
    this.count.classList.toggle("close", left < CLOSE);
    this.count.classList.toggle("over", left < 0);
    this.text.setAttribute("aria-invalid", String(left < 0));
    this.button.disabled = this.text.disabled || left < 0 || !text.trim();
    if (CSS.supports("field-sizing", "content")) return;
    this.text.style.height = "auto";
    if (this.text.scrollHeight) this.text.style.height = `${this.text.scrollHeight}px`;
  }

  #send() {
    if (this.button.disabled) return;
    const text = this.text.value.trim();
    this.text.value = "";
    this.#keep();
    this.update();
    this.onsend(text);
    this.focus();
  }

  #keep() {
    if (this.text.value) localStorage.setItem(this.key, this.text.value);
    else localStorage.removeItem(this.key);
  }
}
