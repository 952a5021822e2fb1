/** A card with one form at a time: signing in, signing up, a first profile. */

import { el } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";

const LOGO = new URL("../icon.svg", import.meta.url).href;

/** @typedef {HTMLElement | undefined | false} Part */

export class Card {
  #isBusy = false;

  /**
   * @param {string} heading
   * @param {(error: unknown) => string} [explain] an error to people
   */
  constructor(heading, explain = sentence) {
    this.explain = explain;
    this.title = el("h1", { tabIndex: -1 }, heading);
    this.note = el("p", { className: "note", role: "status" });
    this.error = el("p", { className: "error", role: "alert" });
    this.body = el("div", { className: "body" });
    const logo = el("img", { src: LOGO, alt: "", width: 56, height: 56 });
    const card = el("div", { className: "card" }, logo, this.title, this.note, this.body);
    this.element = el("main", { className: "signin" }, card);
  }

  focus() {
    this.title.focus();
  }

  /**
   * Shows a form.
   *
   * @param {object} form
   * @param {Part[]} [form.fields]
   * @param {string} form.action on the button
   * @param {() => Promise<void>} form.onsubmit may throw anything that `explain` takes
   * @param {string} [form.note] above the form
   * @param {Part[]} [form.below] the form
   */
  show({ fields = [], action, onsubmit, note = "", below = [] }) {
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.run(onsubmit, button);
    };
    const button = el("button", { type: "submit", className: "wide primary" }, action);
    this.note.textContent = note;
    this.error.textContent = "";
    this.body.replaceChildren(el("form", { onsubmit: submit }, fields, button), this.error);
    this.body.append(...below.filter((part) => part instanceof HTMLElement));
    this.body.querySelector("input")?.focus();
  }

  /**
   * Runs an action while the buttons are disabled, and shows its error.
   *
   * @param {() => Promise<void>} action
   * @param {HTMLButtonElement} [button] that began it
   */
  async run(action, button) {
    if (this.#isBusy) return;
    const label = button?.textContent ?? "";
    this.#setBusy(true);
    this.error.textContent = "";
    button?.replaceChildren(t("one_moment"));
    try {
      await action();
    } catch (error) {
      this.error.textContent = this.explain(error);
    } finally {
      button?.replaceChildren(label);
      this.#setBusy(false);
    }
  }

  /**
   * Asks something in place of the form, while an action runs.
   *
   * @param {Part[]} fields
   * @param {string} action on the button
   * @returns {Promise<void>}
   */
  ask(fields, action) {
    const shown = [...this.body.childNodes];
    return new Promise((resolve) => {
      const submit = (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        this.body.replaceChildren(...shown);
        resolve();
      };
      const button = el("button", { type: "submit", className: "wide primary" }, action);
      this.body.replaceChildren(el("form", { onsubmit: submit }, fields, button));
      this.body.querySelector("input")?.focus();
    });
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#isBusy = isBusy;
    for (const button of this.body.querySelectorAll("button")) button.disabled = isBusy;
  }
}
