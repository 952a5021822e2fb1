/** All conversations, the newest first: the left pane, or the whole of a phone's screen. */

import { avatar, el, icon } from "../dom.js";
import { ago, badge, moment } from "../format.js";
import { unread } from "../store.js";

const MINUTE = 60_000;

export class Inbox {
  #rows = new Map();
  #wanted = "";
  #isLoadingAll = false;

  constructor(client, { signOut }) {
    this.client = client;
    this.list = el("ul", { className: "rows" });
    this.note = el("p", { className: "note", role: "status" }, "Loading …");
    this.more = el("div", { className: "more" });
    this.search = el("input", {
      type: "search",
      placeholder: "Find a conversation",
      "aria-label": "Find a conversation",
      autocomplete: "off",
      oninput: () => this.#find(),
    });
    const { me } = client.store;
    this.element = el(
      "section",
      { className: "inbox", "aria-labelledby": "inbox-title" },
      el(
        "header",
        { className: "bar" },
        el("h1", { id: "inbox-title", tabIndex: -1 }, "Messages"),
        el("a", { className: "round primary", href: "/messages/new", "aria-label": "New message" }, icon("compose")),
      ),
      el("div", { className: "search" }, icon("search"), this.search),
      el("nav", { className: "scroll", "aria-label": "Conversations", tabIndex: -1 }, this.list, this.note, this.more),
      el(
        "footer",
        { className: "me" },
        avatar(me),
        el(
          "span",
          { className: "who" },
          el("b", { dir: "auto" }, me.display_name),
          el("span", { className: "dim" }, `@${me.handle}`),
        ),
        el(
          "button",
          { type: "button", className: "round", "aria-label": "Sign out", title: "Sign out", onclick: signOut },
          icon("out"),
        ),
      ),
    );
    this.observer = new IntersectionObserver(
      ([entry]) => {
        if (entry.isIntersecting) this.#loadMore();
      },
      { root: this.list.parentElement, rootMargin: "600px" },
    );
    this.timer = setInterval(() => this.update(), MINUTE);
    this.list.addEventListener("keydown", (event) => this.#move(event));
  }

  close() {
    clearInterval(this.timer);
    this.observer.disconnect();
  }

  /** After the first page has come. */
  loaded() {
    this.isLoaded = true;
    this.update();
    this.observer.observe(this.more);
  }

  failed(error, again) {
    const button = el("button", { type: "button", className: "link", onclick: again }, "Try again");
    this.note.replaceChildren(`${error.message} `, button);
  }

  /** Marks the conversation that is open. */
  select(uuid) {
    this.selected = uuid;
    for (const [key, row] of this.#rows) {
      if (key === uuid) row.link.setAttribute("aria-current", "page");
      else row.link.removeAttribute("aria-current");
    }
  }

  update() {
    const { store } = this.client;
    const shown = store.inbox.filter((conversation) => this.#matches(conversation));
    let place = this.list.firstChild;
    for (const conversation of shown) {
      const row = this.#row(conversation);
      if (row.element === place) place = place.nextSibling;
      else this.list.insertBefore(row.element, place);
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
    if (!this.isLoaded) return;
    this.note.textContent = shown.length ? "" : this.#nothing();
  }

  #nothing() {
    if (this.#wanted) return this.#isLoadingAll ? "Looking …" : "No conversation like that.";
    return "No conversation yet. Start one!";
  }

  #matches({ display_name, handle, message }) {
    if (!this.#wanted) return true;
    return [display_name, `@${handle}`, message].some((text) => text.toLocaleLowerCase().includes(this.#wanted));
  }

  /** What is not here yet is looked at too, page by page. */
  async #find() {
    this.#wanted = this.search.value.trim().toLocaleLowerCase();
    this.update();
    if (!this.#wanted || this.#isLoadingAll) return;
    this.#isLoadingAll = true;
    try {
      while (this.#wanted && this.client.rest) await this.client.loadMore();
    } catch {
      // what is here is shown
    } finally {
      this.#isLoadingAll = false;
      this.update();
    }
  }

  async #loadMore() {
    if (!this.client.rest) return;
    this.observer.unobserve(this.more);
    try {
      await this.client.loadMore();
      this.update();
      this.observer.observe(this.more);
    } catch (error) {
      this.failed(error, () => {
        this.note.textContent = "";
        this.#loadMore();
      });
    }
  }

  #row(conversation) {
    const { uuid } = conversation;
    if (!this.#rows.has(uuid)) this.#rows.set(uuid, new Row(uuid, uuid === this.selected));
    const row = this.#rows.get(uuid);
    row.update(conversation, this.client.store.isTyping(uuid));
    return row;
  }

  /** Arrow keys go from row to row. */
  #move(event) {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("li")?.[step]?.querySelector("a");
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

class Row {
  constructor(uuid, isSelected) {
    this.name = el("b", { className: "name", dir: "auto" });
    this.time = el("time", { className: "dim" });
    this.preview = el("span", { className: "preview", dir: "auto" });
    this.count = el("span", { className: "badge" });
    this.link = el(
      "a",
      { href: `/messages/${uuid}`, className: "row", "aria-current": isSelected ? "page" : null },
      (this.face = el("span")),
      el("span", { className: "line" }, this.name, this.time),
      el("span", { className: "line" }, this.preview, this.count),
    );
    this.element = el("li", {}, this.link);
  }

  update(conversation, isTyping) {
    const count = unread(conversation);
    const shown = JSON.stringify([conversation, isTyping, ago(conversation.created_at)]);
    if (shown === this.shown) return;
    this.shown = shown;
    const face = avatar(conversation);
    this.face.replaceWith(face);
    this.face = face;
    this.name.textContent = conversation.display_name;
    this.time.textContent = ago(conversation.created_at);
    this.time.dateTime = conversation.created_at;
    this.time.title = moment(conversation.created_at);
    this.preview.textContent = isTyping ? "typing …" : conversation.message;
    this.preview.classList.toggle("typing", isTyping);
    this.count.replaceChildren(...(count ? [badge(count), el("span", { className: "unseen" }, " unread")] : []));
    this.link.classList.toggle("has-unread", count > 0);
  }
}
