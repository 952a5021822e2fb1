/** One conversation: its messages, oldest at the top, and the composer. */

import { announce, avatar, el, icon } from "../dom.js";
import { dayLine } from "../format.js";
import { unread } from "../store.js";
import { Composer } from "./composer.js";
import { bubble, Outgoing } from "./message.js";

const CHUNK = 100; // messages in an element that the browser may leave unrendered while it is off the screen
const NEAR = 80; // pixels from the end that count as being there
const TOGETHER = 5 * 60_000; // milliseconds between messages of one person that are drawn as one block

export class Conversation {
  #articles = new Map();
  #first = null;
  #last = null;
  #atEnd = true;
  #anchor = null;
  #lineBefore = null;
  #isOpen = false;

  constructor(client, uuid) {
    this.client = client;
    this.uuid = uuid;
    this.top = el("div", { className: "top" });
    this.run = el("div", { className: "run" });
    this.outgoing = new Outgoing(client.outbox);
    this.typing = el("p", { className: "typing-note", hidden: true }, el("i"), el("i"), el("i"));
    this.line = el("p", { className: "unread-line" }, el("span", {}, "New messages"));
    this.sent = el("p", { className: "mark" }, "Sent");
    this.read = el("p", { className: "mark" }, "Read");
    this.content = el("div", { className: "content" }, this.top, this.run, this.outgoing.element, this.typing);
    this.scroller = el(
      "div",
      { className: "scroller", role: "log", "aria-live": "off", tabIndex: 0, "aria-label": "Messages" },
      this.content,
    );
    this.latest = el(
      "button",
      { type: "button", className: "latest", hidden: true, onclick: () => this.#toEnd("smooth") },
      icon("down"),
      (this.latestText = el("span")),
    );
    this.title = el("h1", { id: "title", dir: "auto", tabIndex: -1 }, "…");
    this.subtitle = el("p", { className: "dim", role: "status" });
    this.face = el("span", { className: "avatar" });
    this.composer = new Composer({
      limit: client.config.message_max_chars,
      key: `cruddur.draft.${client.store.me.uuid}.${uuid}`,
      onsend: (text) => this.#send(text),
      ontype: () => client.typing(uuid),
    });
    this.element = el(
      "section",
      { className: "pane", "aria-labelledby": "title" },
      el(
        "header",
        { className: "bar" },
        el("a", { className: "round back", href: "/messages", "aria-label": "All conversations" }, icon("back")),
        this.face,
        el("div", { className: "who" }, this.title, this.subtitle),
      ),
      el("div", { className: "stage" }, this.scroller, this.latest),
      this.composer.element,
    );
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.resizes = new ResizeObserver(() => this.#hold());
    this.resizes.observe(this.scroller);
    this.resizes.observe(this.content);
    this.onattention = () => this.#attention();
    addEventListener("focus", this.onattention);
    document.addEventListener("visibilitychange", this.onattention);
    this.#header();
  }

  /** Loads and shows it. Throws what the API throws. */
  async open() {
    await this.client.openConversation(this.uuid);
    if (this.isClosed) return;
    const conversation = this.conversation;
    this.#header();
    if (unread(conversation)) this.#lineBefore = conversation.read_seq + 1;
    this.#isOpen = true;
    this.update();
    const line = this.line.isConnected && this.line;
    if (line) {
      this.#scrollTo(this.#place(line) - this.scroller.clientHeight / 5);
    } else {
      this.#toEnd();
    }
    this.#scrolled();
  }

  close() {
    this.isClosed = true;
    this.resizes.disconnect();
    removeEventListener("focus", this.onattention);
    document.removeEventListener("visibilitychange", this.onattention);
    this.composer.close();
    this.client.closeConversation(this.uuid);
  }

  get conversation() {
    return this.client.store.conversations.get(this.uuid);
  }

  get thread() {
    return this.client.store.threads.get(this.uuid);
  }

  get heading() {
    return this.conversation?.display_name ?? "Conversation";
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) this.composer.focus();
    else this.title.focus();
  }

  /** Brings the page up to what the store has. */
  update() {
    this.#header();
    if (!this.#isOpen || !this.thread) return;
    this.#prepend();
    this.#append();
    const { entries } = this.client.outbox;
    this.outgoing.update(
      entries.filter((entry) => entry.message_group_uuid === this.uuid && !this.thread.has(entry.message_uuid)),
    );
    this.#marks();
    this.typing.hidden = !this.client.store.isTyping(this.uuid);
    this.#hold();
    this.#attention();
  }

  #header() {
    const { conversation } = this;
    if (!conversation) return;
    const { store } = this.client;
    if (this.title.textContent !== conversation.display_name) {
      this.title.textContent = conversation.display_name;
      this.scroller.setAttribute("aria-label", `Messages with ${conversation.display_name}`);
      this.composer.label(`Message to ${conversation.display_name}`);
      const face = avatar(conversation);
      this.face.replaceWith(face);
      this.face = face;
    }
    const online = store.isOnline(conversation.user_uuid) ? " · online" : "";
    const subtitle = store.isTyping(this.uuid) ? "typing …" : `@${conversation.handle}${online}`;
    if (this.subtitle.textContent !== subtitle) this.subtitle.textContent = subtitle;
    this.face.classList.toggle("online", online !== "");
    const isGone = conversation.handle === "_deleted";
    this.composer.element.hidden = isGone;
  }

  // ------------------------------------------------------------ Messages

  #prepend() {
    const { messages } = this.thread;
    this.#top();
    if (!this.#first || messages[0].seq === this.#first.seq) return;
    const count = messages.findIndex((message) => message.seq === this.#first.seq);
    const older = messages.slice(0, count);
    const chunk = el("div", { className: "chunk" });
    older.forEach((message, index) => chunk.append(...this.#message(message, older[index - 1])));
    // The day line and the block of what was first depend on what is before it now.
    const article = this.#articles.get(this.#first.seq);
    if (article.parentElement.firstElementChild.matches(".day")) article.parentElement.firstElementChild.remove();
    article.parentElement.prepend(...this.#dayLine(this.#first, older.at(-1)));
    article.classList.toggle("joins", this.#joins(this.#first, older.at(-1)));
    this.run.prepend(chunk);
    this.#first = messages[0];
    this.#placeLine();
  }

  #append() {
    const { messages } = this.thread;
    const from = this.#last ? messages.findIndex((message) => message.seq > this.#last.seq) : 0;
    if (from < 0 || from >= messages.length) return;
    const fresh = messages.slice(from);
    const isFirst = !this.#last;
    let previous = this.#last;
    let chunk = this.run.lastElementChild;
    for (const message of fresh) {
      if (!chunk || chunk.childElementCount >= CHUNK) this.run.append((chunk = el("div", { className: "chunk" })));
      chunk.append(...this.#message(message, previous));
      previous = message;
    }
    this.#first ??= messages[0];
    this.#last = messages.at(-1);
    if (isFirst) this.#placeLine();
    else this.#arrived(fresh);
  }

  /** What came while it was open. */
  #arrived(fresh) {
    const { me } = this.client.store;
    const theirs = fresh.filter((message) => message.user_uuid !== me.uuid);
    if (theirs.length < fresh.length) {
      this.#lineBefore = null; // whoever answers has read
      this.line.remove();
    }
    if (!theirs.length) return;
    if (!this.#isSeen && (this.#lineBefore === null || this.conversation.read_seq >= this.#lineBefore)) {
      this.#lineBefore = theirs[0].seq;
      this.#placeLine();
    }
    const [one] = theirs;
    announce(theirs.length > 1 ? `${theirs.length} new messages` : `${one.display_name}: ${one.message}`);
  }

  /** A message's elements: the line of a new day, if it begins one, and the message. */
  #message(message, previous) {
    const article = bubble(message, message.user_uuid === this.client.store.me.uuid, this.#joins(message, previous));
    this.#articles.set(message.seq, article);
    return [...this.#dayLine(message, previous), article];
  }

  #dayLine(message, previous) {
    const day = dayLine(message.created_at);
    if (previous && dayLine(previous.created_at) === day) return [];
    return [el("p", { className: "day" }, el("span", {}, day))];
  }

  /** Whether a message is drawn as one block with the one before it. */
  #joins(message, previous) {
    return (
      previous?.user_uuid === message.user_uuid &&
      new Date(message.created_at) - new Date(previous.created_at) < TOGETHER &&
      dayLine(message.created_at) === dayLine(previous.created_at)
    );
  }

  #top() {
    const { older } = this.thread;
    if (this.top.dataset.state === "failed") return;
    const state = older ? "more" : "beginning";
    if (this.top.dataset.state === state) return;
    this.top.dataset.state = state;
    this.top.replaceChildren(older ? el("p", { className: "dim" }, "Older messages …") : this.#beginning());
  }

  #beginning() {
    const { conversation } = this;
    return el(
      "div",
      { className: "beginning" },
      avatar(conversation),
      el(
        "p",
        {},
        el("b", { dir: "auto" }, conversation.display_name),
        el("span", { className: "dim" }, ` @${conversation.handle}`),
      ),
      el("p", { className: "dim" }, "This is where it began."),
    );
  }

  #placeLine() {
    if (this.#lineBefore === null) return;
    const { me } = this.client.store;
    const first = this.thread.messages.find((one) => one.seq >= this.#lineBefore && one.user_uuid !== me.uuid);
    if (first) this.#articles.get(first.seq).before(this.line);
  }

  /** Sent and Read, below the last messages of one's own that nothing was answered to. */
  #marks() {
    const { messages } = this.thread;
    const { me } = this.client.store;
    const { other_read_seq } = this.conversation;
    let read = null;
    let sent = null;
    for (let index = messages.length - 1; index >= 0 && messages[index].user_uuid === me.uuid && !read; index--) {
      if (other_read_seq !== null && messages[index].seq <= other_read_seq) read = messages[index];
      else sent ??= messages[index];
    }
    this.#put(this.sent, sent);
    this.#put(this.read, read);
  }

  #put(mark, message) {
    const article = message && this.#articles.get(message.seq);
    if (!article) mark.remove();
    else if (article.nextElementSibling !== mark) article.after(mark);
  }

  // ------------------------------------------------------------ Scrolling

  #offset(element) {
    return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  #scrollTo(top, behavior = "instant") {
    this.scroller.scrollTo({ top, behavior });
  }

  #toEnd(behavior) {
    const smooth = behavior === "smooth" && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scrollTo(this.scroller.scrollHeight, smooth ? "smooth" : "instant");
  }

  #scrolled() {
    if (!this.#isOpen) return;
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#anchor = this.#atEnd ? null : this.#topmost();
    if (scrollTop < clientHeight * 2) this.#older();
    this.#attention();
  }

  /** Where an element is in all that can be scrolled. */
  #place(element) {
    return this.#offset(element) + this.scroller.scrollTop;
  }

  /** The message at the top of the screen, and its place. */
  #topmost() {
    const { left, top, width, height } = this.scroller.getBoundingClientRect();
    for (let down = 8; down < height; down += 24) {
      for (const part of [0.25, 0.75]) {
        const article = document.elementFromPoint(left + width * part, top + down)?.closest("article");
        if (article && this.run.contains(article)) return { article, place: this.#place(article) };
      }
    }
    return null;
  }

  /** After anything changed its size: at the end stays at the end, and what is being read stays where it is. */
  #hold() {
    if (!this.#isOpen) return;
    if (this.#atEnd) {
      this.#toEnd();
    } else if (this.#anchor?.article.isConnected) {
      const place = this.#place(this.#anchor.article);
      const moved = place - this.#anchor.place;
      if (Math.abs(moved) < 1) return;
      this.#anchor.place = place;
      this.#scrollTo(this.scroller.scrollTop + moved);
    }
  }

  async #older() {
    if (!this.thread?.older || this.isLoadingOlder || this.top.dataset.state === "failed") return;
    this.isLoadingOlder = true;
    try {
      await this.client.loadOlder(this.uuid);
    } catch (error) {
      this.top.dataset.state = "failed";
      const again = () => {
        this.top.dataset.state = "";
        this.#top();
        this.#older();
      };
      const button = el("button", { type: "button", className: "link", onclick: again }, "Try again");
      this.top.replaceChildren(el("p", {}, "Older messages could not be loaded. ", button));
      return;
    } finally {
      this.isLoadingOlder = false;
    }
    this.#scrolled(); // if that was not enough to fill the screen
  }

  // ------------------------------------------------------------ Reading

  get #isSeen() {
    return this.#atEnd && document.visibilityState === "visible" && document.hasFocus();
  }

  #attention() {
    if (!this.#isOpen || this.isClosed) return;
    if (this.#isSeen) this.client.markRead(this.uuid);
    const count = this.#atEnd ? 0 : unread(this.conversation);
    this.latest.hidden = this.#atEnd;
    this.latestText.textContent = count ? `${count} new` : "Latest";
  }

  #send(text) {
    this.#atEnd = true;
    this.client.outbox.add({ message_group_uuid: this.uuid }, text);
    this.#toEnd();
  }
}
