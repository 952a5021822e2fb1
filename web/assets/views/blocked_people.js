/** The people whom somebody has blocked, with a way to unblock each. */

import { avatar, el, linkButton, nameAndHandle } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";

/**
 * @import { BlockedPerson } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 */

export class BlockedPeople {
  /** @param {PageClient} client */
  constructor(client) {
    this.client = client;
    this.list = el("ul", {});
    this.note = el("p", { className: "dim", role: "status" }, t("loading"));
    this.error = el("p", { className: "error", role: "alert" });
    this.heading = el("h2", { id: "blocked-heading", tabIndex: -1 }, t("blocked_people"));
    this.element = el(
      "section",
      { className: "blocked-people", "aria-labelledby": "blocked-heading" },
      this.heading,
      this.list,
      this.note,
      this.error,
    );
  }

  async load() {
    this.note.textContent = t("loading");
    this.error.textContent = "";
    try {
      const people = await this.client.blocks();
      this.list.replaceChildren(...people.map((person) => this.#row(person)));
      this.#updateNote();
    } catch (error) {
      this.note.textContent = "";
      this.error.replaceChildren(
        `${sentence(error)} `,
        linkButton(t("try_again"), () => this.load()),
      );
    }
  }

  #updateNote() {
    this.note.textContent = this.list.childElementCount ? "" : t("nobody_blocked");
  }

  /** @param {BlockedPerson} person */
  #row(person) {
    const label = t("unblock_person", { name: person.display_name });
    const onclick = () => this.#unblock(person, row, button);
    const button = el("button", { type: "button", className: "wide", "aria-label": label, onclick }, t("unblock"));
    const row = el("li", { className: "person" }, avatar(person), nameAndHandle(person), button);
    return row;
  }

  /**
   * @param {BlockedPerson} person
   * @param {HTMLElement} row
   * @param {HTMLButtonElement} button
   */
  async #unblock(person, row, button) {
    button.disabled = true;
    this.error.textContent = "";
    try {
      await this.client.unblock(person.uuid);
      row.remove();
      this.#updateNote();
      this.heading.focus();
    } catch (error) {
      button.disabled = false;
      this.error.textContent = sentence(error);
    }
  }
}
