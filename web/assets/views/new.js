/** A conversation that does not exist yet: its other person, and the first message. */

import { el, paneBar } from "../dom.js";
import { draftTo } from "../drafts.js";
import { t } from "../texts.js";
import { Composer } from "./composer.js";
import { Outgoing } from "./outgoing.js";
import { PersonPicker } from "./person_picker.js";
import { beginning } from "./timeline.js";

/**
 * @import { CanWrite, OutboxEntry, Person, SentMessage } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 */

/** @typedef {(path: string, options?: { replace?: boolean }) => void} Go */

export class NewConversation {
  heading = t("new_message");

  #stopListening;
  /** @type {Person | null} */
  #person = null;
  #choices = 0;

  /**
   * @param {PageClient} client
   * @param {string} handle of the person to write to, or ""
   * @param {Go} go shows another path
   */
  constructor(client, handle, go) {
    this.client = client;
    this.go = go;
    this.picker = new PersonPicker(client, {
      handle,
      onchoose: (chosen) => this.#choose(chosen),
      onclear: () => this.#clear(),
    });
    this.outgoing = new Outgoing(client.outbox);
    this.card = el("div");
    this.composer = new Composer({
      limit: client.config.message_max_chars,
      drafts: client.drafts,
      onsend: (text) => this.#send(text),
    });
    const { input, list, note } = this.picker;
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      paneBar(el("h1", { id: "title", tabIndex: -1 }, this.heading)),
      el("div", { className: "to" }, el("label", { htmlFor: "to" }, t("to")), input),
      el(
        "div",
        { className: "stage" },
        el("div", { className: "scroller" }, list, note, this.card, this.outgoing.element),
      ),
      this.composer.element,
    );
    this.#stopListening = client.outbox.on("sent", (detail) => this.#sent(detail));
  }

  async open() {
    const handle = this.picker.input.value;
    if (handle) await this.#choose(handle);
  }

  close() {
    this.#choices++;
    this.#stopListening();
    this.picker.close();
    this.composer.close();
  }

  focus() {
    if (this.#person && !this.composer.text.disabled) this.composer.focus();
    else this.picker.input.focus();
  }

  update() {
    const handle = this.#person?.handle.toLowerCase();
    const { entries } = this.client.outbox;
    this.outgoing.update(entries.filter((entry) => handle && entry.handle?.toLowerCase() === handle));
  }

  #clear() {
    this.#choices++;
    this.#person = null;
    this.composer.open(null);
    this.card.replaceChildren();
  }

  /**
   * Goes to the conversation with a person, or offers to start one.
   *
   * @param {string} handle
   */
  async #choose(handle) {
    const wanted = handle.trim().replace(/^@/, "");
    const known = this.client.store.with(wanted);
    if (known) return this.go(`/messages/${known.uuid}`, { replace: true });
    this.picker.note.textContent = t("searching");
    const choice = ++this.#choices;
    try {
      const person = await this.picker.find(wanted);
      if (!person) return;
      const uuid = await this.client.findConversation(wanted);
      const canWrite = uuid ? null : await this.client.canWrite(wanted);
      if (choice !== this.#choices) return; // another person was chosen meanwhile, or the view closed
      if (uuid) this.go(`/messages/${uuid}`, { replace: true });
      else this.#offer(person, canWrite ?? "yes");
    } catch (error) {
      if (choice !== this.#choices) return;
      this.picker.failed(/** @type {Error} */ (error), () => this.#choose(handle));
    }
  }

  /**
   * @param {Person} person
   * @param {CanWrite} canWrite
   */
  #offer(person, canWrite) {
    const { display_name: name } = person;
    const notes = { yes: t("first_message"), request: t("will_be_request", { name }), no: t("cannot_write", { name }) };
    this.#person = person;
    this.picker.set(person.handle);
    this.card.replaceChildren(beginning(person, notes[canWrite]));
    history.replaceState(null, "", `/messages/new/${encodeURIComponent(person.handle)}`);
    this.composer.label(t("message_to", { name: person.display_name }));
    this.composer.open(canWrite === "no" ? null : draftTo(person.handle));
    this.focus();
    this.update();
  }

  /** @param {string} text */
  #send(text) {
    if (this.#person) this.client.send({ handle: this.#person.handle }, text);
  }

  /** @param {{ entry: OutboxEntry, message: SentMessage }} sent */
  #sent({ entry, message }) {
    if (!entry.handle || entry.handle !== this.#person?.handle) return;
    const uuid = message.message_group_uuid;
    this.client.drafts.move(draftTo(entry.handle), uuid);
    this.go(`/messages/${uuid}`, { replace: true });
  }
}
