/** One conversation: its header, its messages and the composer. */

import { unread } from "../cruddur-messages/index.js";
import { announce, atHandle, avatar, el, icon, linkButton, paneBar } from "../dom.js";
import { draftTo } from "../drafts.js";
import { loadPart } from "../parts.js";
import { t } from "../texts.js";
import { Composer } from "./composer.js";
import { Outgoing } from "./outgoing.js";
import { Scroller } from "./scroller.js";
import { Timeline } from "./timeline.js";

/**
 * @import { Conversation as Entry, Message, OutboxChange, OutboxEntry } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 * @import { ComposerBar } from "./composer_bar.js"
 */

const UNDO_MS = 5_000; // after which a message is unsent

/** @typedef {import("../texts.js").Key} Key */

export class Conversation {
  #listeners = new AbortController();
  #isOpen = false;
  #isClosed = false;
  #isLoadingOlder = false;
  #person = "";
  /** @type {typeof import("./message_actions.js") | undefined} */
  #actions;
  /** What the bar depends on. */
  #bar = "";
  /** @type {Message | null} The message that the next one replies to. */
  #repliedTo = null;
  #stopListening;

  /**
   * @param {PageClient} client
   * @param {string} uuid
   * @param {(anchor: Element) => void} onmenu opens the conversation's menu
   * @param {() => void} onleave shows the list of conversations
   */
  constructor(client, uuid, onmenu, onleave) {
    this.client = client;
    this.uuid = uuid;
    // Another conversation may have been opened before the server has answered.
    this.onleave = () => {
      if (client.sync.openUuid === uuid) onleave();
    };
    this.timeline = new Timeline(client.store, client.outbox, uuid, (...action) => this.#act(...action));
    this.outgoing = new Outgoing(client.outbox, (message_uuid) => this.#quoteOf(message_uuid));
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
    this.more = el(
      "button",
      { type: "button", className: "round", "aria-haspopup": "menu", hidden: true, onclick: () => onmenu(this.more) },
      icon("more"),
    );
    this.bar = el("div", { role: "status" });
    this.notice = el("p", { className: "notice", role: "alert" });
    this.reply = el("div", { className: "reply", hidden: true });
    this.repliedTo = el("p");
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      paneBar(this.face, el("div", { className: "who" }, this.title, this.subtitle), this.more),
      el("div", { className: "stage" }, this.scroller.element, this.latest),
      this.notice,
      this.bar,
      this.reply,
      this.composer.element,
    );
    this.#stopListening = client.outbox.on("refused", ({ entry, reason }) => this.#refused(entry, reason));
    const { signal } = this.#listeners;
    addEventListener("focus", () => this.#updateSeen(), { signal });
    document.addEventListener("visibilitychange", () => this.#updateSeen(), { signal });
    this.composer.open(uuid);
    this.#updateHeader();
  }

  /** Loads and shows the conversation, with all that one can do to its messages. Throws the errors of Api.get. */
  async open() {
    [this.#actions] = await Promise.all([import("./message_actions.js"), this.client.open(this.uuid)]);
    const { entry } = this;
    if (this.#isClosed || !entry) return;
    if (unread(entry)) this.timeline.unreadFrom = entry.read_seq + 1;
    this.#isOpen = true;
    this.scroller.start();
    this.update();
    const { unreadLine } = this.timeline;
    if (unreadLine.isConnected) return this.scroller.toElement(unreadLine);
    this.scroller.toEnd();
    this.scroller.scrolled();
  }

  close() {
    this.#isClosed = true;
    this.#listeners.abort();
    this.#stopListening();
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
    if (matchMedia("(hover: hover)").matches && !this.composer.element.hidden) this.composer.focus();
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
    this.#showReply();
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
    this.#updateBar(entry);
  }

  /** Whether all messages are the person's own. */
  get #isUnanswered() {
    const { me } = this.client.store;
    const { thread } = this;
    return Boolean(thread && !thread.older && thread.messages.every(({ user_uuid }) => user_uuid === me.uuid));
  }

  /**
   * Closes the composer where nobody can write, and says above it what there is to say.
   *
   * @param {Entry} entry
   */
  #updateBar(entry) {
    const { blocked, folder, display_name } = entry;
    const isDeleted = entry.handle === "_deleted";
    const isClosed = blocked || folder === "requests";
    const hasBar = !isDeleted && (isClosed || this.#isUnanswered);
    const state = JSON.stringify([isDeleted, blocked, folder, display_name, hasBar && this.thread?.lastSeq]);
    if (state === this.#bar) return;
    this.#bar = state;
    if (isClosed || !hasBar) this.#showBar(null, !isDeleted && !isClosed);
    if (hasBar) this.#loadBar(entry, isClosed);
  }

  /**
   * @param {Entry} entry
   * @param {boolean} isClosed
   */
  async #loadBar(entry, isClosed) {
    const state = this.#bar;
    /** @type {ComposerBar | null} */
    let bar = null;
    try {
      const { composerBar } = await loadPart(import("./composer_bar.js"), "dialogs");
      bar = await composerBar(this.client, entry, this.onleave);
    } catch {
      const retry = linkButton(t("try_again"), () => this.#loadBar(entry, isClosed));
      const element = el("p", { className: "composer-bar" }, `${t("part_not_loaded")} `, retry);
      if (isClosed) bar = { element, canWrite: false };
    }
    if (state === this.#bar) this.#showBar(bar?.element, bar?.canWrite ?? true);
  }

  /**
   * @param {HTMLElement | null | undefined} bar
   * @param {boolean} canWrite
   */
  #showBar(bar, canWrite) {
    const { element } = this.composer;
    const { activeElement } = document;
    const losesFocus = this.bar.contains(activeElement) || (!canWrite && element.contains(activeElement));
    this.bar.replaceChildren(...(bar ? [bar] : []));
    element.hidden = !canWrite;
    if (losesFocus) this.focus();
  }

  /** @param {Entry} entry */
  #updatePerson(entry) {
    this.title.textContent = entry.display_name;
    this.scroller.element.setAttribute("aria-label", t("messages_with", { name: entry.display_name }));
    this.more.setAttribute("aria-label", t("actions_with", { name: entry.display_name }));
    this.more.hidden = false;
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
    this.client.send({ message_group_uuid: this.uuid }, text, { replyTo: this.#repliedTo?.uuid });
    this.#replyTo(null);
    this.scroller.toEnd();
  }

  // ------------------------------------------------------------ Actions on a message

  /**
   * @param {string} action
   * @param {Message} message
   * @param {HTMLElement} article
   */
  #act(action, message, article) {
    this.notice.replaceChildren();
    const waiting = this.client.outbox.changes.findLast(({ message_uuid }) => message_uuid === message.uuid);
    if (action === "more") this.#openMenu(message, article);
    else if (action === "quote") this.#jump(message.reply_to?.seq ?? 0);
    else if (action === "undo") this.client.outbox.discard(waiting?.id ?? "");
    else this.client.react(this.uuid, message, action.replace("react ", ""));
  }

  /**
   * @param {Message} message
   * @param {HTMLElement} article
   */
  #openMenu(message, article) {
    const { client, uuid } = this;
    const { unsent_at, reactions = [] } = client.outbox.applied(message);
    const isMine = message.user_uuid === client.store.me.uuid;
    const isOpen = !this.entry?.blocked && this.entry?.folder !== "requests";
    /** @type {([Key, () => void] | false)[]} */
    const actions = [
      isOpen && ["reply", () => this.#replyTo(message)],
      ["copy", () => navigator.clipboard.writeText(message.message)],
      isOpen && isMine && ["edit", () => this.#edit(message, article)],
      isMine && ["unsend", () => this.#unsend(message, article)],
      !isMine && ["report", () => this.#report(message)],
    ];
    const mine = reactions.filter((one) => one.user_uuids.includes(client.store.me.uuid)).map(({ emoji }) => emoji);
    this.#actions?.openMenu(article, {
      emojis: unsent_at || !isOpen ? null : mine,
      actions: [...(unsent_at ? [] : actions.filter((one) => one !== false)), ["hide", () => this.#hide(message)]],
      onreact: (emoji) => client.react(uuid, message, emoji),
    });
  }

  /** @param {Message | null} message */
  #replyTo(message) {
    this.#repliedTo = message;
    this.reply.hidden = !message;
    this.reply.replaceChildren();
    if (!message) return;
    this.reply.append(
      this.repliedTo,
      linkButton(t("cancel"), () => {
        this.#replyTo(null);
        this.composer.focus();
      }),
    );
    this.#showReply();
    this.composer.focus();
  }

  #showReply() {
    if (!this.#repliedTo) return;
    const quote = this.#quoteOf(this.#repliedTo.uuid);
    if (!quote) return this.#replyTo(null); // hidden in another window
    const { name, text } = quote;
    this.repliedTo.replaceChildren(t("reply_to", { name }), el("span", { dir: "auto" }, ` ${text}`));
  }

  /** @param {string} message_uuid */
  #quoteOf(message_uuid) {
    const message = this.thread?.messages.find(({ uuid }) => uuid === message_uuid);
    if (!message) return null;
    const isMine = message.user_uuid === this.client.store.me.uuid;
    return {
      name: isMine ? t("you") : message.display_name,
      text: message.unsent_at ? t("unsent_message") : message.message,
    };
  }

  /**
   * @param {Message} message
   * @param {HTMLElement} article
   * @param {string} [text] to begin with
   */
  async #edit(message, article, text = this.client.outbox.applied(message).message) {
    this.timeline.editedSeq = message.seq;
    const edited = await this.#actions?.editText(article, text, this.client.config.message_max_chars);
    this.timeline.editedSeq = null;
    if (edited) this.client.edit(this.uuid, message, edited);
    this.update();
    article.focus({ preventScroll: true });
  }

  /**
   * @param {Message} message
   * @param {HTMLElement} article
   */
  #unsend(message, article) {
    this.client.unsend(this.uuid, message, UNDO_MS);
    this.update();
    announce(t("unsent_message"));
    /** @type {HTMLElement | null} */ (article.querySelector("[data-action=undo]"))?.focus({ preventScroll: true });
  }

  /** @param {Message} message */
  #hide(message) {
    this.client.hide(this.uuid, message);
    this.update();
    this.scroller.element.focus({ preventScroll: true });
  }

  /** @param {Message} message */
  async #report(message) {
    try {
      const { openReport } = await loadPart(import("./report.js"), "dialogs");
      if (this.entry) await openReport(this.client, this.entry, message.uuid);
    } catch {
      this.notice.replaceChildren(t("part_not_loaded"));
    }
  }

  /**
   * Shows a message that another one replies to. Loads the messages from there on, if need be.
   *
   * @param {number} seq
   */
  async #jump(seq) {
    try {
      while (this.thread?.older && this.thread.firstSeq > seq) await this.client.sync.loadOlder(this.uuid);
    } catch {
      return this.notice.replaceChildren(t("older_not_loaded"));
    }
    if (this.#isClosed) return;
    this.update();
    const article = this.timeline.article(seq);
    if (!article) return this.notice.replaceChildren(t("not_found"));
    this.scroller.toElement(article);
    article.focus({ preventScroll: true });
  }

  /**
   * @param {OutboxChange} entry
   * @param {string} reason
   */
  #refused({ message_group_uuid, message_uuid, kind, text }, reason) {
    if (message_group_uuid !== this.uuid) return;
    const message = this.thread?.messages.find(({ uuid }) => uuid === message_uuid);
    const article = message && this.timeline.article(message.seq);
    this.notice.replaceChildren(t("not_changed", { reason }));
    if (kind !== "edit" || !article || message.unsent_at) return;
    const again = linkButton(t("edit"), () => {
      this.notice.replaceChildren();
      this.#edit(message, article, text);
    });
    this.notice.append(" ", again);
  }
}
