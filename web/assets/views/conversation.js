/** One conversation: its header, its messages and the composer. */

import { unread } from "../cruddur-messages/index.js";
import { announce, atHandle, avatar, el, icon, paneBar } from "../dom.js";
import { draftTo } from "../drafts.js";
import { t } from "../texts.js";
import { Composer } from "./composer.js";
import { Outgoing } from "./outgoing.js";
import { Scroller } from "./scroller.js";
import { Timeline } from "./timeline.js";

/**
 * @import { Conversation as Entry, Message, OutboxEntry } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 */

export class Conversation {
  #listeners = new AbortController();
  #isOpen = false;
  #isClosed = false;
  #isLoadingOlder = false;
  #person = "";

  /**
   * @param {PageClient} client
   * @param {string} uuid
   */
  constructor(client, uuid) {
    this.client = client;
    this.uuid = uuid;
    this.timeline = new Timeline(client.store, uuid);
    this.outgoing = new Outgoing(client.outbox);
    this.typing = el("p", { className: "typing-note", hidden: true }, el("i"), el("i"), el("i"));
    const { top, run } = this.timeline;
    const content = el("div", { className: "content" }, top, run, this.outgoing.element, this.typing);
    this.scroller = new Scroller(content, () => this.#scrolled());
    this.latestText = el("span");
    this.latest = el(
      "button",
      { type: "button", className: "latest", hidden: true, onclick: () => this.scroller.toEnd("smooth") },
      icon("down"),
      this.latestText,
    );
    this.title = el("h1", { id: "title", dir: "auto", tabIndex: -1 }, "…");
    this.subtitle = el("p", { className: "dim", role: "status" });
    this.face = el("span", { className: "avatar" });
    this.composer = new Composer({
      limit: client.config.message_max_chars,
      drafts: client.drafts,
      onsend: (text) => this.#send(text),
      ontype: () => client.typing(uuid),
    });
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      paneBar(this.face, el("div", { className: "who" }, this.title, this.subtitle)),
      el("div", { className: "stage" }, this.scroller.element, this.latest),
      this.composer.element,
    );
    const { signal } = this.#listeners;
    addEventListener("focus", () => this.#updateSeen(), { signal });
    document.addEventListener("visibilitychange", () => this.#updateSeen(), { signal });
    this.composer.open(uuid);
    this.#updateHeader();
  }

  /** Loads and shows the conversation. Throws the errors of Api.get. */
  async open() {
    await this.client.open(this.uuid);
    const { entry } = this;
    if (this.#isClosed || !entry) return;
    if (unread(entry)) this.timeline.unreadFrom = entry.read_seq + 1;
    this.#isOpen = true;
    this.scroller.start();
    this.update();
    const { unreadLine } = this.timeline;
    if (unreadLine.isConnected) this.scroller.toElement(unreadLine);
    else this.scroller.toEnd();
    this.scroller.scrolled();
  }

  close() {
    this.#isClosed = true;
    this.#listeners.abort();
    this.scroller.close();
    this.composer.close();
    this.client.close(this.uuid);
  }

  get entry() {
    return this.client.store.conversations.get(this.uuid);
  }

  get thread() {
    return this.client.store.threads.get(this.uuid);
  }

  get heading() {
    return this.entry?.display_name ?? t("conversation");
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) this.composer.focus();
    else this.title.focus();
  }

  /** Draws the content of the store and the outbox. */
  update() {
    this.#updateHeader();
    const { entry, thread } = this;
    if (!this.#isOpen || !entry || !thread) return;
    const arrived = this.timeline.update(thread, entry);
    if (arrived.length) this.#receive(arrived, entry);
    const { entries } = this.client.outbox;
    this.outgoing.update(entries.filter((one) => this.#isHere(one, entry) && !thread.has(one.message_uuid)));
    this.typing.hidden = !this.client.store.isTyping(this.uuid);
    this.scroller.hold();
    this.#updateSeen();
  }

  /**
   * Whether a message is for this conversation. One that was written before there was a conversation names the person.
   *
   * @param {OutboxEntry} one
   * @param {Entry} entry
   */
  #isHere(one, entry) {
    return one.message_group_uuid === this.uuid || one.handle?.toLowerCase() === entry.handle.toLowerCase();
  }

  #updateHeader() {
    const { entry } = this;
    if (!entry) return;
    const person = JSON.stringify([entry.display_name, entry.handle, entry.avatar]);
    if (person !== this.#person) this.#updatePerson(entry);
    this.#person = person;
    const { store } = this.client;
    const isOnline = store.isOnline(entry.user_uuid) ?? false;
    const handle = isOnline ? `${atHandle(entry.handle)} · ${t("online")}` : atHandle(entry.handle);
    const subtitle = store.isTyping(this.uuid) ? t("typing") : handle;
    if (this.subtitle.textContent !== subtitle) this.subtitle.textContent = subtitle;
    this.face.classList.toggle("online", isOnline);
    this.composer.element.hidden = entry.handle === "_deleted";
  }

  /** @param {Entry} entry */
  #updatePerson(entry) {
    this.title.textContent = entry.display_name;
    this.scroller.element.setAttribute("aria-label", t("messages_with", { name: entry.display_name }));
    this.composer.label(t("message_to", { name: entry.display_name }));
    if (this.client.drafts.move(draftTo(entry.handle), this.uuid)) this.composer.open(this.uuid);
    const face = avatar(entry);
    this.face.replaceWith(face);
    this.face = face;
  }

  /**
   * Announces messages that arrived, and draws the unread line above those that are not on the screen.
   *
   * @param {Message[]} arrived
   * @param {Entry} entry
   */
  #receive(arrived, entry) {
    const { me } = this.client.store;
    const theirs = arrived.filter((message) => message.user_uuid !== me.uuid);
    if (theirs.length < arrived.length) this.timeline.unreadFrom = null; // an answer means that all was read
    if (!theirs.length) return;
    const { unreadFrom } = this.timeline;
    if (!this.#isSeen && (unreadFrom === null || entry.read_seq >= unreadFrom)) {
      this.timeline.unreadFrom = theirs[0].seq;
    }
    const [one] = theirs;
    const { display_name: name, message } = one;
    announce(theirs.length > 1 ? t("arrived", { count: theirs.length }) : t("said", { name, message }));
  }

  #scrolled() {
    if (this.scroller.isNearTop) this.#loadOlder();
    this.#updateSeen();
  }

  async #loadOlder() {
    if (!this.thread?.older || this.#isLoadingOlder || this.timeline.hasFailed) return;
    this.#isLoadingOlder = true;
    try {
      await this.client.sync.loadOlder(this.uuid);
    } catch {
      this.timeline.showOlderFailed(() => {
        this.update();
        this.#loadOlder();
      });
      return;
    } finally {
      this.#isLoadingOlder = false;
    }
    this.scroller.scrolled(); // loads another page if the screen is not full
  }

  get #isSeen() {
    return this.scroller.isAtEnd && document.visibilityState === "visible" && document.hasFocus();
  }

  /** Marks the conversation as read if its end is seen, and offers a way to the end if not. */
  #updateSeen() {
    const { entry } = this;
    if (!this.#isOpen || this.#isClosed || !entry) return;
    if (this.#isSeen) this.client.mark(this.uuid);
    const { isAtEnd } = this.scroller;
    const count = isAtEnd ? 0 : unread(entry);
    this.latest.hidden = isAtEnd;
    this.latestText.textContent = count ? t("new_count", { count }) : t("latest");
  }

  /** @param {string} text */
  #send(text) {
    this.scroller.isAtEnd = true;
    this.client.send({ message_group_uuid: this.uuid }, text);
    this.scroller.toEnd();
  }
}
