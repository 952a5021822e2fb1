/** A combobox that finds a person: in the inbox by name or handle, or on the server by handle. */

import { announce, atHandle, avatar, el, isComposing, linkButton } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";

/**
 * @import { Person } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 */

const PAUSE_MS = 250; // without a key, before the server is asked
const MAX_KNOWN = 6;
const HANDLE = /^[a-z0-9][a-z0-9_.-]{0,29}$/i;

/** @typedef {Pick<Person, "handle" | "display_name" | "avatar">} Choice */

export class PersonPicker {
  /** @type {Choice[]} */
  #found = [];
  #active = -1;
  #timer = 0;
  #searches = 0;
  #onchoose;
  #onclear;

  /**
   * @param {PageClient} client
   * @param {object} options
   * @param {string} options.handle that is typed already
   * @param {(handle: string) => void} options.onchoose
   * @param {() => void} options.onclear
   */
  constructor(client, { handle, onchoose, onclear }) {
    this.client = client;
    this.#onchoose = onchoose;
    this.#onclear = onclear;
    this.list = el("ul", {
      id: "people",
      role: "listbox",
      className: "people",
      "aria-label": t("people"),
      hidden: true,
    });
    this.note = el("p", { className: "note", role: "status" });
    this.input = el("input", {
      type: "text",
      id: "to",
      role: "combobox",
      value: handle,
      placeholder: t("at_handle"),
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: false,
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": "people",
      oninput: () => this.#search(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
  }

  close() {
    clearTimeout(this.#timer);
  }

  /**
   * Shows the chosen person's handle and no list.
   *
   * @param {string} handle
   */
  set(handle) {
    this.note.textContent = "";
    this.#show([]);
    this.input.value = `@${handle}`;
  }

  /**
   * Says why a person could not be looked up, and offers to try again.
   *
   * @param {Error} error
   * @param {() => void} retry
   */
  failed(error, retry) {
    this.note.replaceChildren(`${sentence(error)} `, linkButton(t("try_again"), retry));
  }

  /**
   * The person with a handle, or null. The note says why there is none.
   *
   * @param {string} handle
   */
  async find(handle) {
    const person = HANDLE.test(handle) ? await this.client.findPerson(handle) : null;
    const isMe = person?.uuid === this.client.store.me.uuid;
    this.note.textContent = person && !isMe ? "" : isMe ? t("user_receiver_is_self") : nobody(handle);
    return isMe ? null : person;
  }

  #search() {
    this.#onclear();
    clearTimeout(this.#timer);
    const wanted = this.input.value.trim().replace(/^@/, "").toLowerCase();
    const { inbox } = this.client.store;
    const known = wanted ? inbox.filter((one) => isLike(one, wanted)).slice(0, MAX_KNOWN) : [];
    this.#show(known);
    const isKnown = known.some((one) => one.handle.toLowerCase() === wanted);
    this.note.textContent = wanted && !known.length ? t("searching") : "";
    const search = ++this.#searches;
    if (wanted && !isKnown) this.#timer = setTimeout(() => this.#lookUp(wanted, known, search), PAUSE_MS);
  }

  /**
   * @param {string} wanted
   * @param {Choice[]} known
   * @param {number} search
   */
  async #lookUp(wanted, known, search) {
    let person = null;
    let note = nobody(wanted);
    try {
      if (HANDLE.test(wanted)) person = await this.client.findPerson(wanted);
    } catch (error) {
      if (search === this.#searches && !known.length) this.failed(/** @type {Error} */ (error), () => this.#search());
      return;
    }
    if (search !== this.#searches) return;
    if (person?.uuid === this.client.store.me.uuid) {
      person = null;
      note = t("user_receiver_is_self");
    }
    const found = person ? [person, ...known] : known;
    this.#show(found);
    this.note.textContent = found.length ? "" : note;
    if (found.length) announce(t("found", { count: found.length }));
  }

  /** @param {Choice[]} found */
  #show(found) {
    this.#found = found;
    this.list.hidden = !found.length;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.list.replaceChildren(...found.map((person, index) => this.#option(person, index)));
    this.#activate(found.length ? 0 : -1);
  }

  /**
   * @param {Choice} person
   * @param {number} index
   */
  #option(person, index) {
    const choose = () => this.#onchoose(person.handle);
    return el(
      "li",
      { role: "option", id: `person-${index}`, className: "row", onclick: choose },
      avatar(person),
      el("b", { className: "name", dir: "auto" }, person.display_name),
      el("span", { className: "dim" }, atHandle(person.handle)),
    );
  }

  /** @param {number} index */
  #activate(index) {
    this.#active = index;
    for (const [at, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(at === index));
    }
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `person-${index}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isComposing(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#activate((this.#active + step + this.#found.length) % this.#found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = this.#found[this.#active];
      if (chosen) this.#onchoose(chosen.handle);
    } else if (event.key === "Escape" && this.#found.length) {
      this.#show([]);
    }
  }
}

/** @param {string} handle */
function nobody(handle) {
  return t("nobody", { handle: `@${handle}` });
}

/**
 * Whether a handle, or a word of a name, begins with the text.
 *
 * @param {Choice} person
 * @param {string} wanted in lower case
 */
function isLike({ display_name, handle }, wanted) {
  const words = [handle, ...display_name.split(/\s+/)];
  return handle !== "_deleted" && words.some((word) => word.toLowerCase().startsWith(wanted));
}
