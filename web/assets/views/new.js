/** A conversation that is not there yet: whom to write to, and the first message. */

import { announce, avatar, el, icon } from "../dom.js";
import { Composer } from "./composer.js";
import { Outgoing } from "./message.js";

const PAUSE = 250; // milliseconds without a key before a handle is looked up
const HANDLE = /^[a-z0-9][a-z0-9_.-]{0,29}$/i;

export class NewConversation {
  heading = "New message";
  #found = [];
  #active = -1;
  #timer = null;
  #asked = 0;

  /** `go` leads to another path. With a handle, the person is looked up at once. */
  constructor(client, handle, go) {
    Object.assign(this, { client, go });
    this.list = el("ul", { id: "people", role: "listbox", className: "people", "aria-label": "People", hidden: true });
    this.note = el("p", { className: "note", role: "status" });
    this.input = el("input", {
      type: "text",
      id: "to",
      role: "combobox",
      value: handle ?? "",
      placeholder: "@handle",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: false,
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": "people",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
    });
    this.outgoing = new Outgoing(client.outbox);
    this.card = el("div", { className: "beginning" });
    this.composer = new Composer({
      limit: client.config.message_max_chars,
      key: `cruddur.draft.${client.store.me.uuid}.new`,
      onsend: (text) => this.#send(text),
    });
    this.composer.isEnabled = false;
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      el(
        "header",
        { className: "bar" },
        el("a", { className: "round back", href: "/messages", "aria-label": "All conversations" }, icon("back")),
        (this.title = el("h1", { id: "title", tabIndex: -1 }, "New message")),
      ),
      el("div", { className: "to" }, el("label", { htmlFor: "to" }, "To"), this.input),
      el(
        "div",
        { className: "stage" },
        el("div", { className: "scroller" }, this.list, this.note, this.card, this.outgoing.element),
      ),
      this.composer.element,
    );
    this.onsent = ({ detail }) => this.#sent(detail);
    client.outbox.addEventListener("sent", this.onsent);
  }

  async open() {
    if (this.input.value) await this.#choose({ handle: this.input.value });
  }

  close() {
    clearTimeout(this.#timer);
    this.client.outbox.removeEventListener("sent", this.onsent);
  }

  focus() {
    if (this.person) this.composer.focus();
    else this.input.focus();
  }

  update() {
    const handle = this.person?.handle.toLowerCase();
    const { entries } = this.client.outbox;
    this.outgoing.update(entries.filter((entry) => handle && entry.handle?.toLowerCase() === handle));
  }

  // ------------------------------------------------------------ Whom to

  #typed() {
    this.person = null;
    this.composer.isEnabled = false;
    this.card.replaceChildren();
    clearTimeout(this.#timer);
    const wanted = this.input.value.trim().replace(/^@/, "").toLowerCase();
    const known = wanted ? this.client.store.inbox.filter((one) => this.#isLike(one, wanted)).slice(0, 6) : [];
    this.#show(known);
    const isKnown = known.some((one) => one.handle.toLowerCase() === wanted);
    this.note.textContent = wanted && !known.length ? "Looking …" : "";
    const asked = ++this.#asked;
    if (wanted && !isKnown) this.#timer = setTimeout(() => this.#lookUp(wanted, known, asked), PAUSE);
  }

  #isLike({ display_name, handle }, wanted) {
    const words = [handle, ...display_name.split(/\s+/)];
    return handle !== "_deleted" && words.some((word) => word.toLowerCase().startsWith(wanted));
  }

  async #lookUp(wanted, known, asked) {
    let person = null;
    let trouble = "";
    try {
      if (HANDLE.test(wanted)) person = await this.client.findPerson(wanted);
    } catch (error) {
      trouble = error.message;
    }
    if (asked !== this.#asked) return;
    const isMe = person?.uuid === this.client.store.me.uuid;
    const found = person && !isMe ? [person, ...known] : known;
    this.#show(found);
    const nobody = isMe ? "That is you." : `Nobody is called @${wanted}.`;
    this.note.textContent = trouble || (found.length ? "" : nobody);
    if (found.length) announce(`${found.length} found`);
  }

  #show(found) {
    this.#found = found;
    this.list.hidden = !found.length;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.list.replaceChildren(
      ...found.map((person, index) =>
        el(
          "li",
          { role: "option", id: `person-${index}`, className: "row", onclick: () => this.#choose(person) },
          avatar(person),
          el("b", { className: "name", dir: "auto" }, person.display_name),
          el("span", { className: "dim" }, `@${person.handle}`),
        ),
      ),
    );
    this.#activate(found.length ? 0 : -1);
  }

  #activate(index) {
    this.#active = index;
    [...this.list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `person-${index}`);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#activate((this.#active + step + this.#found.length) % this.#found.length);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      if (this.#found[this.#active]) this.#choose(this.#found[this.#active]);
    } else if (event.key === "Escape" && this.#found.length) {
      this.#show([]);
    }
  }

  /** Goes to the conversation with this person, or begins it. */
  async #choose({ handle }) {
    const wanted = handle.trim().replace(/^@/, "");
    const known = this.client.store.with(wanted);
    if (known) return this.go(`/messages/${known.uuid}`, { replace: true });
    this.note.textContent = "Looking …";
    try {
      if (!HANDLE.test(wanted)) return this.#nobody(wanted);
      const [person, uuid] = await Promise.all([this.client.findPerson(wanted), this.client.findConversation(wanted)]);
      if (uuid) return this.go(`/messages/${uuid}`, { replace: true });
      if (!person) return this.#nobody(wanted);
      if (person.uuid === this.client.store.me.uuid) return void (this.note.textContent = "That is you.");
      this.#begin(person);
    } catch (error) {
      this.note.textContent = error.message;
    }
  }

  #nobody(handle) {
    this.note.textContent = `Nobody is called @${handle}.`;
  }

  #begin(person) {
    this.person = person;
    this.note.textContent = "";
    this.#show([]);
    this.input.value = `@${person.handle}`;
    this.card.replaceChildren(
      avatar(person),
      el(
        "p",
        {},
        el("b", { dir: "auto" }, person.display_name),
        el("span", { className: "dim" }, ` @${person.handle}`),
      ),
      el("p", { className: "dim" }, "Your first message begins the conversation."),
    );
    history.replaceState(null, "", `/messages/new/${encodeURIComponent(person.handle)}`);
    this.composer.label(`Message to ${person.display_name}`);
    this.composer.isEnabled = true;
    this.composer.focus();
    this.update();
  }

  #send(text) {
    this.client.outbox.add({ handle: this.person.handle }, text);
  }

  #sent({ entry, message }) {
    if (entry.handle && entry.handle === this.person?.handle) {
      this.go(`/messages/${message.message_group_uuid}`, { replace: true });
    }
  }
}
