/** A person's settings: read receipts, and signing out on all devices. */

import { avatar, el, linkButton, nameAndHandle, paneBar } from "../dom.js";

/**
 * @import { PageClient } from "../page_client.js"
 * @import { Session } from "../session.js"
 */

export class Settings {
  heading = "Settings";

  /**
   * @param {PageClient} client
   * @param {Session} session
   */
  constructor(client, session) {
    this.client = client;
    this.session = session;
    this.title = el("h1", { id: "title", tabIndex: -1 }, this.heading);
    this.person = el("div", { className: "person" });
    this.receipts = el("input", {
      type: "checkbox",
      role: "switch",
      id: "receipts",
      className: "switch",
      disabled: true,
      "aria-describedby": "receipts-note",
      onchange: () => this.#setReceipts(),
    });
    this.status = el("p", { className: "dim", role: "status" });
    this.error = el("p", { className: "error", role: "alert" });
    this.signOut = el(
      "button",
      { type: "button", className: "wide", "aria-describedby": "sign-out-note", onclick: () => this.#signOut() },
      "Sign out on all devices",
    );
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      paneBar(this.title),
      el(
        "div",
        { className: "settings" },
        this.person,
        el(
          "div",
          { className: "setting" },
          el("label", { htmlFor: "receipts" }, "Read receipts"),
          this.receipts,
          el(
            "p",
            { className: "dim", id: "receipts-note" },
            "When this is off, other people do not see what you have read, or whether you are online or typing.",
          ),
        ),
        el(
          "div",
          { className: "setting" },
          this.signOut,
          el(
            "p",
            { className: "dim", id: "sign-out-note" },
            "This device is signed out at once, the others when their access is renewed: within an hour.",
          ),
        ),
        this.status,
        this.error,
      ),
    );
    this.#showPerson(client.store.me);
  }

  /** Loads the profile. */
  async open() {
    this.#showResult("Loading …");
    try {
      const { body } = await this.client.api.get("/api/users/me");
      this.#showPerson(body);
      this.receipts.checked = body.receipts;
      this.receipts.disabled = false;
      this.#showResult("");
    } catch (error) {
      this.#showResult("", /** @type {Error} */ (error).message);
      this.error.append(
        " ",
        linkButton("Try again", () => this.open()),
      );
    }
  }

  close() {}

  focus() {
    this.title.focus();
  }

  /** @param {{ display_name: string, handle: string }} person */
  #showPerson(person) {
    this.person.replaceChildren(avatar(person), nameAndHandle(person));
  }

  async #setReceipts() {
    const receipts = this.receipts.checked;
    this.#showResult("Saving …");
    try {
      await this.client.api.request("PATCH", "/api/users/me", { receipts });
      this.#showResult(receipts ? "Read receipts are on." : "Read receipts are off.");
    } catch (error) {
      this.receipts.checked = !receipts;
      this.#showResult("", /** @type {Error} */ (error).message);
    }
  }

  async #signOut() {
    this.#showResult("Signing out …");
    this.signOut.disabled = true;
    try {
      await this.session.signOutEverywhere();
    } catch (error) {
      this.signOut.disabled = false;
      this.#showResult("", /** @type {Error} */ (error).message);
    }
  }

  /**
   * @param {string} status
   * @param {string} [error]
   */
  #showResult(status, error = "") {
    this.status.textContent = status;
    this.error.textContent = error;
  }
}
