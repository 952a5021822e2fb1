/** The messages of a conversation, oldest at the top, with a line above each day and above the unread ones. */

import { atHandle, avatar, el, linkButton } from "../dom.js";
import { dayLine, today } from "../format.js";
import { t } from "../texts.js";
import { bubble, draw, updateTime } from "./message.js";

/**
 * @import { Conversation, Message, OutboxChange, Person } from "../cruddur-messages/types.js"
 * @import { Outbox, Store, Thread } from "../cruddur-messages/index.js"
 * @import { Extras } from "./message.js"
 */

const CHUNK_SIZE = 100; // messages in an element that the browser need not render while it is off the screen
const LONG_PRESS_MS = 500;
const BLOCK_MS = 5 * 60_000; // messages of one person this close together are drawn as one block

export class Timeline {
  /** @type {Map<number, HTMLElement>} By seq. */
  #articles = new Map();
  /** @type {Map<number, HTMLElement>} The line of a new day, by the seq of the message below it. */
  #days = new Map();
  /** @type {Map<number, { message: Message, drawn: string, isPending: boolean }>} By seq: the articles' content. */
  #drawn = new Map();
  #today = today();
  /** @type {number | null} The seq of the first drawn message. */
  #firstSeq = null;
  /** @type {number | null} */
  #lastSeq = null;
  /** @type {number | null} The seq of the message that is being edited. */
  #editedSeq = null;
  /** @type {Map<string, OutboxChange>} The last waiting change of each message, by message_uuid. */
  #pending = new Map();
  /** @type {number | null} */
  #unreadFrom = null;
  /** @type {Thread | undefined} The one that is drawn. */
  #thread;

  /**
   * @param {Store} store
   * @param {Outbox} outbox
   * @param {string} uuid
   * @param {(action: string, message: Message, article: HTMLElement) => void} onaction
   */
  constructor(store, outbox, uuid, onaction) {
    this.store = store;
    this.outbox = outbox;
    this.uuid = uuid;
    this.onaction = onaction;
    this.top = el("div", { className: "top" });
    this.run = el("div", { className: "run", onclick: (/** @type {MouseEvent} */ event) => this.#act(event) });
    this.#listenForLongPresses();
    this.unreadLine = el("p", { className: "unread-line" }, el("span", {}, t("new_messages")));
    this.sent = el("p", { className: "mark" }, t("sent"));
    this.read = el("p", { className: "mark" }, t("read"));
  }

  /**
   * Draws the messages of the store. Returns the messages that arrived since the last time.
   *
   * @param {Thread} thread
   * @param {Conversation} conversation
   */
  update(thread, conversation) {
    this.#pending = new Map(this.outbox.changes.map((change) => [change.message_uuid, change]));
    const messages = thread.messages.filter(({ uuid }) => this.#pending.get(uuid)?.kind !== "hide");
    if (thread !== this.#thread) this.#clear();
    this.#thread = thread;
    this.#updateTop(thread, conversation);
    this.#updateDays(messages);
    this.#removeHidden(messages);
    for (const message of messages) this.#redraw(message);
    this.#prepend(messages);
    const arrived = this.#append(messages);
    this.#updateMarks(messages, conversation.other_read_seq);
    return arrived;
  }

  /**
   * The element of a message, if it is drawn.
   *
   * @param {number} seq
   */
  article(seq) {
    return this.#articles.get(seq);
  }

  /**
   * Leaves the drawing of one message to the editor, until that is called with null.
   *
   * @param {number | null} seq
   */
  set editedSeq(seq) {
    if (this.#editedSeq !== null) this.#drawn.delete(this.#editedSeq);
    this.#editedSeq = seq;
  }

  /** The seq from which messages are below the line "New messages"; null where there is no line. */
  get unreadFrom() {
    return this.#unreadFrom;
  }

  set unreadFrom(seq) {
    this.#unreadFrom = seq;
    if (seq === null) this.unreadLine.remove();
    else this.#placeUnreadLine();
  }

  /**
   * Says that older messages could not be loaded.
   *
   * @param {() => void} retry
   */
  showOlderFailed(retry) {
    const tryAgain = () => {
      this.top.dataset.state = "";
      retry();
    };
    this.top.dataset.state = "failed";
    this.top.replaceChildren(el("p", {}, `${t("older_not_loaded")} `, linkButton(t("try_again"), tryAgain)));
  }

  get hasFailed() {
    return this.top.dataset.state === "failed";
  }

  // ------------------------------------------------------------ Messages

  /** Draws nothing any more. */
  #clear() {
    this.run.replaceChildren();
    for (const drawn of [this.#articles, this.#days, this.#drawn]) drawn.clear();
    this.#firstSeq = null;
    this.#lastSeq = null;
  }

  /** @param {Message[]} messages */
  #prepend(messages) {
    const first = this.#firstSeq;
    if (first === null) return;
    const older = messages.filter(({ seq }) => seq < first);
    if (!older.length) return;
    const chunk = el("div", { className: "chunk" });
    older.forEach((message, index) => {
      chunk.append(this.#article(message));
      this.#joinTo(message, older[index - 1]);
    });
    this.run.prepend(chunk);
    const next = messages[older.length];
    if (next) this.#joinTo(next, older.at(-1));
    this.#firstSeq = older[0].seq;
    this.#placeUnreadLine();
  }

  /**
   * Removes messages that the person has hidden.
   *
   * @param {Message[]} messages those that are left
   */
  #removeHidden(messages) {
    const left = new Set(messages.map(({ seq }) => seq));
    for (const [seq, article] of this.#articles) {
      if (left.has(seq)) continue;
      article.remove();
      this.#days.get(seq)?.remove();
      for (const drawn of [this.#articles, this.#days, this.#drawn]) drawn.delete(seq);
      const index = messages.findIndex((message) => message.seq > seq);
      if (index >= 0) this.#joinTo(messages[index], messages[index - 1]);
    }
  }

  /**
   * Draws the line of a new day above a message if it is the first of the day, and else joins it to the one before it.
   *
   * @param {Message} message
   * @param {Message | null | undefined} previous
   */
  #joinTo(message, previous) {
    const { seq, created_at } = message;
    const article = this.#articles.get(seq);
    article?.classList.toggle("joins", isOneBlock(message, previous));
    const day = dayLine(created_at);
    const isFirst = !previous || dayLine(previous.created_at) !== day;
    let line = this.#days.get(seq);
    if (!isFirst) {
      line?.remove();
      this.#days.delete(seq);
      return;
    }
    if (!line) {
      line = el("p", { className: "day" }, el("span"));
      this.#days.set(seq, line);
      const below = article?.previousElementSibling === this.unreadLine ? this.unreadLine : article;
      below?.before(line);
    }
    line.firstElementChild?.replaceChildren(day);
  }

  /**
   * Draws day lines and times again once the date or the time zone has changed.
   *
   * @param {Message[]} messages
   */
  #updateDays(messages) {
    if (this.#today === today()) return;
    this.#today = today();
    let previous = null;
    for (const message of messages) {
      const article = this.#articles.get(message.seq);
      if (!article) continue;
      updateTime(article, message);
      this.#joinTo(message, previous);
      previous = message;
    }
  }

  /** @param {Message[]} messages */
  #append(messages) {
    const last = this.#lastSeq;
    const fresh = last === null ? messages : messages.filter(({ seq }) => seq > last);
    if (!fresh.length) return [];
    let previous = messages[messages.length - fresh.length - 1];
    let chunk = this.run.lastElementChild;
    for (const message of fresh) {
      if (!chunk || chunk.childElementCount >= CHUNK_SIZE) {
        chunk = el("div", { className: "chunk" });
        this.run.append(chunk);
      }
      chunk.append(this.#article(message));
      this.#joinTo(message, previous);
      previous = message;
    }
    this.#firstSeq ??= messages[0].seq;
    this.#lastSeq = previous.seq;
    if (last !== null) return fresh;
    this.#placeUnreadLine();
    return [];
  }

  /** @param {Message} message */
  #article(message) {
    const { shown, extras } = this.#content(message);
    const article = bubble(shown, this.#isMine(message), extras);
    article.dataset.seq = String(message.seq);
    this.#articles.set(message.seq, article);
    return article;
  }

  /**
   * Draws a message again if it has changed.
   *
   * @param {Message} message
   */
  #redraw(message) {
    const article = this.#articles.get(message.seq);
    const before = this.#drawn.get(message.seq);
    const isSame = before?.message === message && !before.isPending && !this.#pending.has(message.uuid);
    if (!article || message.seq === this.#editedSeq || (isSame && !message.reply_to)) return;
    const { shown, extras, drawn } = this.#content(message);
    if (drawn !== before?.drawn) draw(article, shown, this.#isMine(message), extras);
  }

  /**
   * A message with its waiting changes and its quote, as it is to be drawn.
   *
   * @param {Message} message
   */
  #content(message) {
    const waiting = this.#pending.get(message.uuid);
    const shown = waiting ? this.outbox.applied(message) : message;
    /** @type {Extras} */
    const extras = {
      quote: shown.unsent_at ? null : this.#quote(message),
      me: this.store.me.uuid,
      isUndoable: waiting?.kind === "unsend" && waiting.not_before > Date.now(),
    };
    const { message: text, edited_at, unsent_at, reactions, display_name } = shown;
    const drawn = JSON.stringify([text, Boolean(edited_at), Boolean(unsent_at), reactions, display_name, extras]);
    this.#drawn.set(message.seq, { message, drawn, isPending: Boolean(waiting) });
    return { shown, extras, drawn };
  }

  /** @param {Message} message */
  #quote(message) {
    const quote = this.store.threads.get(this.uuid)?.quoted(message);
    if (!quote) return null;
    const name =
      quote.user_uuid === this.store.me.uuid ? t("you") : this.store.conversations.get(this.uuid)?.display_name;
    if (quote.hidden) return { name: "", text: t("hidden_message") };
    return {
      name: quote.user_uuid ? (name ?? "") : "",
      text: quote.unsent ? t("unsent_message") : (quote.message ?? "…"),
    };
  }

  // ------------------------------------------------------------ Actions

  /** @param {MouseEvent} event */
  #act(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-action]");
    if (button instanceof HTMLElement) this.#start(button.dataset.action ?? "", button);
  }

  /**
   * @param {string} action
   * @param {Element} element in the message
   */
  #start(action, element) {
    const article = element.closest("article");
    const messages = this.store.threads.get(this.uuid)?.messages ?? [];
    const message = messages.find(({ seq }) => seq === Number(article?.dataset.seq));
    if (article && message) this.onaction(action, message, article);
  }

  /** Opens the menu of a message that is pressed for a while on a touch screen. */
  #listenForLongPresses() {
    let timer = 0;
    const stop = () => clearTimeout(timer);
    this.run.addEventListener("pointerdown", ({ pointerType, target }) => {
      stop();
      if (pointerType !== "touch") return;
      timer = setTimeout(() => this.#start("more", /** @type {Element} */ (target)), LONG_PRESS_MS);
    });
    for (const name of ["pointerup", "pointercancel", "pointermove"]) this.run.addEventListener(name, stop);
    this.run.addEventListener("contextmenu", (event) => {
      if (/** @type {PointerEvent} */ (event).pointerType === "touch") event.preventDefault();
    });
  }

  /** @param {Message} message */
  #isMine(message) {
    return message.user_uuid === this.store.me.uuid;
  }

  // ------------------------------------------------------------ Around the messages

  /**
   * @param {Thread} thread
   * @param {Conversation} conversation
   */
  #updateTop({ older }, conversation) {
    const { display_name, handle, avatar } = conversation;
    const state = older ? "more" : JSON.stringify([display_name, handle, avatar]);
    if (this.hasFailed || this.top.dataset.state === state) return;
    this.top.dataset.state = state;
    this.top.replaceChildren(
      older ? el("p", { className: "dim" }, t("loading_older")) : beginning(conversation, t("beginning")),
    );
  }

  #placeUnreadLine() {
    const from = this.#unreadFrom;
    if (from === null) return;
    const messages = this.store.threads.get(this.uuid)?.messages ?? [];
    const first = messages.find((message) => message.seq >= from && !this.#isMine(message));
    if (first) this.#articles.get(first.seq)?.before(this.unreadLine);
  }

  /**
   * Places Sent and Read below the last of one's own messages that have no answer.
   *
   * @param {Message[]} messages
   * @param {number | null} other_read_seq
   */
  #updateMarks(messages, other_read_seq) {
    let read = null;
    let sent = null;
    for (let index = messages.length - 1; index >= 0 && this.#isMine(messages[index]) && !read; index--) {
      if (other_read_seq !== null && messages[index].seq <= other_read_seq) read = messages[index];
      else sent ??= messages[index];
    }
    this.#placeMark(this.sent, sent);
    this.#placeMark(this.read, read);
  }

  /**
   * @param {HTMLElement} mark
   * @param {Message | null} message
   */
  #placeMark(mark, message) {
    const article = message && this.#articles.get(message.seq);
    if (!article) mark.remove();
    else if (article.nextElementSibling !== mark) article.after(mark);
  }
}

/**
 * A person's card, at the beginning of a conversation.
 *
 * @param {Pick<Person, "display_name" | "handle" | "avatar">} person
 * @param {string} note
 */
export function beginning(person, note) {
  const name = el("b", { dir: "auto" }, person.display_name);
  const handle = el("span", { className: "dim" }, ` ${atHandle(person.handle)}`);
  return el(
    "div",
    { className: "beginning" },
    avatar(person),
    el("p", {}, name, handle),
    el("p", { className: "dim" }, note),
  );
}

/**
 * Whether a message is drawn as one block with the one before it.
 *
 * @param {Message} message
 * @param {Message | null | undefined} previous
 */
function isOneBlock(message, previous) {
  return (
    previous?.user_uuid === message.user_uuid &&
    Date.parse(message.created_at) - Date.parse(previous.created_at) < BLOCK_MS &&
    dayLine(message.created_at) === dayLine(previous.created_at)
  );
}
