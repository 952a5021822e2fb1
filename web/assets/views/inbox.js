/** A folder of conversations, the pinned and then the newest first: the left pane, or a phone's whole screen. */

import { avatar, el, icon, linkButton, nameAndHandle } from "../dom.js";
import { sentence } from "../errors.js";
import { badge } from "../format.js";
import { t } from "../texts.js";
import { InboxRow } from "./inbox_row.js";

/**
 * @import { Conversation, Folder, Person } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 * @import { Key } from "../texts.js"
 */

/** @type {Record<Folder, { path: string, heading: Key, emptyNote: Key }>} */
const FOLDERS = {
  inbox: { path: "/messages", heading: "messages", emptyNote: "no_conversations" },
  requests: { path: "/messages/requests", heading: "requests", emptyNote: "no_requests" },
  archive: { path: "/messages/archive", heading: "archive", emptyNote: "nothing_archived" },
};

export class Inbox {
  /** @type {Map<string, InboxRow>} By uuid. */
  #rows = new Map();
  /** @type {string | undefined} */
  #selected;
  #searched = "";
  /** @type {Folder} */
  #folder = "inbox";
  #isLoaded = false;
  #isSearching = false;
  /** @type {Person | undefined} */
  #shownMe;

  /**
   * @param {PageClient} client
   * @param {() => void} signOut
   * @param {(uuid: string, anchor: Element) => void} onmenu opens a conversation's menu
   */
  constructor(client, signOut, onmenu) {
    this.client = client;
    this.onmenu = onmenu;
    this.list = el("ul", { className: "rows", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#move(event) });
    this.note = el("p", { className: "note", role: "status" }, t("loading"));
    this.more = el("div", { className: "more" });
    this.search = el("input", {
      type: "search",
      placeholder: t("search_conversations"),
      "aria-label": t("search_conversations"),
      autocomplete: "off",
      oninput: () => this.#search(),
    });
    this.me = el("div", { className: "self" });
    this.title = el("h1", { id: "inbox-title", tabIndex: -1 });
    this.tabs = /** @type {Folder[]} */ (Object.keys(FOLDERS)).map((folder) => {
      const count = el("span", { className: "badge" });
      return { folder, count, link: el("a", { href: FOLDERS[folder].path }, t(folder), " ", count) };
    });
    const links = this.tabs.map(({ link }) => link);
    const rows = el("nav", { className: "scroll", "aria-label": t("conversations"), tabIndex: -1 });
    rows.append(this.list, this.note, this.more);
    this.element = el(
      "section",
      { className: "inbox", "aria-labelledby": "inbox-title" },
      el(
        "header",
        { className: "bar" },
        this.title,
        el("a", { className: "round primary", href: "/messages/new", "aria-label": t("new_message") }, icon("compose")),
      ),
      el("div", { className: "search" }, icon("search"), this.search),
      el("nav", { className: "folders", "aria-label": t("folders") }, links),
      rows,
      this.#footer(signOut),
    );
    this.#showMe();
    this.observer = new IntersectionObserver(
      ([entry]) => {
        if (entry.isIntersecting) this.#loadMore();
      },
      { root: rows, rootMargin: "600px" },
    );
  }

  /** @param {() => void} signOut */
  #footer(signOut) {
    const label = t("sign_out");
    return el(
      "footer",
      { className: "me" },
      this.me,
      el(
        "a",
        { className: "round", href: "/messages/settings", "aria-label": t("settings"), title: t("settings") },
        icon("settings"),
      ),
      el(
        "button",
        { type: "button", className: "round", "aria-label": label, title: label, onclick: signOut },
        icon("out"),
      ),
    );
  }

  close() {
    this.observer.disconnect();
  }

  focus() {
    this.title.focus();
  }

  /** The path of the folder that is shown. */
  get path() {
    return FOLDERS[this.#folder].path;
  }

  /**
   * Shows the folder with this path, if there is one.
   *
   * @param {string} path
   */
  show(path) {
    const folder = this.tabs.find((tab) => FOLDERS[tab.folder].path === path)?.folder;
    if (!folder || folder === this.#folder) return;
    this.#folder = folder;
    this.#isLoaded = false;
    this.load();
  }

  /** Loads the folder's first page. */
  async load() {
    const folder = this.#folder;
    this.observer.unobserve(this.more);
    this.title.textContent = t(FOLDERS[folder].heading);
    this.note.textContent = t("loading");
    this.update();
    try {
      const { sync } = this.client;
      await (folder === "inbox" ? sync.loadInbox() : sync.loadFolder(folder));
      if (folder !== this.#folder) return;
      this.#isLoaded = true;
      this.update();
      this.observer.observe(this.more);
    } catch (error) {
      if (folder === this.#folder) this.#failed(error, () => this.load());
    }
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  #failed(error, retry) {
    this.note.replaceChildren(`${sentence(error)} `, linkButton(t("try_again"), retry));
  }

  /**
   * Highlights the open conversation.
   *
   * @param {string | undefined} uuid
   */
  select(uuid) {
    this.#selected = uuid;
    for (const [key, row] of this.#rows) row.isSelected = key === uuid;
  }

  update() {
    this.#showMe();
    this.#updateTabs();
    const { store } = this.client;
    const shown = this.#folder === "inbox" ? store.inbox : store.folder(this.#folder);
    const found = shown.filter((conversation) => this.#matches(conversation));
    this.#place(found.map((conversation) => this.#row(conversation).element));
    if (this.#isLoaded) this.note.textContent = found.length ? "" : this.#emptyNote();
  }

  #showMe() {
    const { me } = this.client.store;
    if (me === this.#shownMe) return;
    this.#shownMe = me;
    this.me.replaceChildren(avatar(me), nameAndHandle(me));
  }

  /**
   * Puts these rows into the list, in this order, and moves no row without need.
   *
   * @param {Element[]} rows
   */
  #place(rows) {
    let place = this.list.firstElementChild;
    for (const row of rows) {
      if (row === place) place = place.nextElementSibling;
      else this.list.insertBefore(row, place);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
  }

  #updateTabs() {
    const { requests } = this.client.store.unread;
    for (const { folder, link, count } of this.tabs) {
      if (folder === this.#folder) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      count.textContent = folder === "requests" && requests ? badge(requests) : "";
    }
  }

  #emptyNote() {
    if (!this.#searched) return t(FOLDERS[this.#folder].emptyNote);
    return t(this.#isSearching ? "searching" : "no_matches");
  }

  /** @param {Conversation} conversation */
  #matches({ display_name, handle, message }) {
    if (!this.#searched) return true;
    return [display_name, `@${handle}`, message].some((text) => text.toLocaleLowerCase().includes(this.#searched));
  }

  /** Searches the conversations in the store, and loads the others page by page. */
  async #search() {
    const { sync } = this.client;
    this.#searched = this.search.value.trim().toLocaleLowerCase();
    this.update();
    if (!this.#searched || this.#isSearching) return;
    this.#isSearching = true;
    try {
      while (this.#searched && sync.nextPages[this.#folder]) await sync.loadMore(this.#folder);
    } catch {
      // the search covers the conversations that have been loaded
    } finally {
      this.#isSearching = false;
      this.update();
    }
  }

  async #loadMore() {
    const { sync } = this.client;
    if (!sync.nextPages[this.#folder]) return;
    this.observer.unobserve(this.more);
    try {
      await sync.loadMore(this.#folder);
      this.update();
      this.observer.observe(this.more);
    } catch (error) {
      this.#failed(error, () => {
        this.note.textContent = "";
        this.#loadMore();
      });
    }
  }

  /** @param {Conversation} conversation */
  #row(conversation) {
    const { uuid } = conversation;
    const row =
      this.#rows.get(uuid) ?? new InboxRow(uuid, uuid === this.#selected, (anchor) => this.onmenu(uuid, anchor));
    this.#rows.set(uuid, row);
    const { store } = this.client;
    row.update(conversation, { isTyping: store.isTyping(uuid), isPinned: store.pins.includes(uuid) });
    return row;
  }

  /**
   * Moves the focus from row to row with the arrow keys.
   *
   * @param {KeyboardEvent} event
   */
  #move(event) {
    const item = /** @type {Element} */ (event.target).closest("li");
    const next = { ArrowDown: item?.nextElementSibling, ArrowUp: item?.previousElementSibling }[event.key];
    const link = next?.querySelector("a");
    if (!link) return;
    event.preventDefault();
    link.focus();
  }
}
