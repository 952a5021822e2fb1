/** A person's settings: their profile, read receipts, new conversations, blocked people, signing out on all devices. */

import { avatar, el, linkButton, nameAndHandle, paneBar } from "../dom.js";
import { sentence } from "../errors.js";
import { saveProfile } from "../profile.js";
import { t } from "../texts.js";
import { BlockedPeople } from "./blocked_people.js";
import { field, handleField, nameField } from "./fields.js";

/**
 * @import { MessagesFrom, Person } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 * @import { Session } from "../session.js"
 * @import { Key } from "../texts.js"
 */

/** @type {[MessagesFrom, Key][]} */
const SENDERS = [
  ["everyone", "from_everyone"],
  ["requests", "from_requests"],
  ["nobody", "from_nobody"],
];

export class Settings {
  heading = t("settings");

  /** @type {Person | undefined} */
  #shown;
  /** @type {Person | undefined} The one that the fields were filled with. */
  #filled;
  /** @type {MessagesFrom} */
  #messagesFrom = "everyone";

  /**
   * @param {PageClient} client
   * @param {Session} session
   */
  constructor(client, session) {
    this.client = client;
    this.session = session;
    this.title = el("h1", { id: "title", tabIndex: -1 }, this.heading);
    this.person = el("div", { className: "person" });
    this.name = nameField();
    this.handle = handleField();
    this.picture = field(
      t("picture"),
      { name: "avatar", type: "url", required: false, placeholder: "https://", pattern: "https://.+", dir: "ltr" },
      t("picture_note"),
    );
    this.receipts = el("input", {
      type: "checkbox",
      role: "switch",
      id: "receipts",
      className: "switch",
      "aria-describedby": "receipts-note",
      onchange: () => this.#setReceipts(),
    });
    this.senders = SENDERS.map(([value, key]) => {
      const onchange = () => this.#setMessagesFrom(value);
      const input = el("input", { type: "radio", name: "messages_from", value, onchange });
      return { input, element: el("label", { className: "choice" }, input, t(key)) };
    });
    this.blocked = new BlockedPeople(client);
    this.status = el("p", { className: "dim", role: "status" });
    this.error = el("p", { className: "error", role: "alert" });
    this.signOut = el(
      "button",
      { type: "button", className: "wide", "aria-describedby": "sign-out-note", onclick: () => this.#signOut() },
      t("sign_out_everywhere"),
    );
    this.fields = el(
      "fieldset",
      { disabled: true },
      this.#profileForm(),
      this.#receiptsSetting(),
      this.#sendersSetting(),
    );
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      paneBar(this.title),
      el(
        "div",
        { className: "settings" },
        this.person,
        this.fields,
        this.blocked.element,
        session.provider.signOutEverywhere && this.#signOutSetting(),
        this.status,
        this.error,
      ),
    );
    this.#showPerson(client.store.me);
  }

  /** Loads the profile and the blocked people. */
  async open() {
    this.blocked.load();
    this.#showResult(t("loading"));
    try {
      const { body } = await this.client.api.get("/api/users/me");
      this.#fill(body);
      this.receipts.checked = body.receipts;
      this.#showMessagesFrom(body.messages_from);
      this.fields.disabled = false;
      if (this.status.textContent === t("loading")) this.#showResult(""); // or it is of a sign-out meanwhile
    } catch (error) {
      this.#showResult("", error);
      this.error.append(
        " ",
        linkButton(t("try_again"), () => this.open()),
      );
    }
  }

  close() {}

  focus() {
    this.title.focus();
  }

  update() {
    const { me } = this.client.store;
    if (me !== this.#shown) this.#refill(me);
    this.#showPerson(me);
  }

  #profileForm() {
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#saveProfile();
    };
    return el(
      "form",
      { onsubmit: submit },
      [this.name, this.handle, this.picture].map(({ element }) => element),
      el("button", { type: "submit", className: "wide primary" }, t("save")),
    );
  }

  #receiptsSetting() {
    return el(
      "div",
      { className: "setting" },
      el("label", { htmlFor: "receipts" }, t("read_receipts")),
      this.receipts,
      el("p", { className: "dim", id: "receipts-note" }, t("read_receipts_note")),
    );
  }

  #sendersSetting() {
    const note = el("p", { className: "dim", id: "senders-note" }, t("messages_from_note"));
    return el(
      "fieldset",
      { className: "setting", "aria-describedby": "senders-note" },
      el("legend", {}, t("messages_from")),
      this.senders.map(({ element }) => element),
      note,
    );
  }

  #signOutSetting() {
    const note = el("p", { className: "dim", id: "sign-out-note" }, t("sign_out_note"));
    return el("div", { className: "setting" }, this.signOut, note);
  }

  /** @param {Person} person */
  #fill(person) {
    this.#filled = person;
    for (const [name, input] of this.#inputs) input.value = person[name] ?? "";
    this.client.store.setMe(person);
  }

  /**
   * Shows what another window has changed, but for what the person has typed here.
   *
   * @param {Person} person
   */
  #refill(person) {
    const filled = this.#filled;
    if (!filled) return;
    for (const [name, input] of this.#inputs) {
      if (input.value === (filled[name] ?? "")) input.value = person[name] ?? "";
    }
    this.#filled = person;
  }

  /** @returns {["display_name" | "handle" | "avatar", HTMLInputElement][]} */
  get #inputs() {
    return [
      ["display_name", this.name.input],
      ["handle", this.handle.input],
      ["avatar", this.picture.input],
    ];
  }

  /** @param {Person} person */
  #showPerson(person) {
    if (person === this.#shown) return;
    this.#shown = person;
    this.person.replaceChildren(avatar(person), nameAndHandle(person));
  }

  async #saveProfile() {
    const filled = /** @type {Person} */ (this.#filled);
    const typed = {
      display_name: this.name.input.value.trim(),
      handle: this.handle.input.value,
      avatar: this.picture.input.value.trim() || null,
    };
    const changes = Object.entries(typed).filter(
      ([name, value]) => value !== (filled[/** @type {keyof Person} */ (name)] ?? null),
    );
    if (!changes.length) return this.#showResult(t("saved"));
    this.#showResult(t("saving"));
    this.fields.disabled = true;
    try {
      this.#fill(await saveProfile(this.client.api, "PATCH", Object.fromEntries(changes)));
      this.#showResult(t("saved"));
    } catch (error) {
      this.#showResult("", error);
    } finally {
      this.fields.disabled = false;
    }
  }

  async #setReceipts() {
    const receipts = this.receipts.checked;
    this.#showResult(t("saving"));
    try {
      await saveProfile(this.client.api, "PATCH", { receipts });
      this.#showResult(t(receipts ? "read_receipts_on" : "read_receipts_off"));
    } catch (error) {
      this.receipts.checked = !receipts;
      this.#showResult("", error);
    }
  }

  /** @param {MessagesFrom} value */
  #showMessagesFrom(value) {
    this.#messagesFrom = value;
    for (const { input } of this.senders) input.checked = input.value === value;
  }

  /** @param {MessagesFrom} messages_from */
  async #setMessagesFrom(messages_from) {
    this.#showResult(t("saving"));
    try {
      await saveProfile(this.client.api, "PATCH", { messages_from });
      this.#messagesFrom = messages_from;
      this.#showResult(t("saved"));
    } catch (error) {
      this.#showMessagesFrom(this.#messagesFrom);
      this.#showResult("", error);
    }
  }

  async #signOut() {
    this.#showResult(t("signing_out"));
    this.signOut.disabled = true;
    try {
      await this.session.signOutEverywhere();
    } catch (error) {
      this.signOut.disabled = false;
      this.#showResult("", error);
    }
  }

  /**
   * @param {string} status
   * @param {unknown} [error]
   */
  #showResult(status, error) {
    this.status.textContent = status;
    this.error.textContent = error ? sentence(error) : "";
  }
}
