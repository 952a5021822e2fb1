/** The messages of a conversation, oldest at the top, with a line above each day and above the unread ones. */

import { avatar, el, linkButton } from "../dom.js";
import { dayLine } from "../format.js";
import { bubble } from "./message.js";

/**
 * @import { Conversation, Message } from "../../types.d.ts"
 * @import { Store, Thread } from "../store.js"
 */

const CHUNK_SIZE = 100; // messages in an element that the browser need not render while it is off the screen
const BLOCK_MS = 5 * 60_000; // messages of one person this close together are drawn as one block

export class Timeline {
  /** @type {Map<number, HTMLElement>} By seq. */
  #articles = new Map();
  /** @type {Message | null} */
  #first = null;
  /** @type {Message | null} */
  #last = null;
  /** @type {number | null} */
  #unreadFrom = null;

  /**
   * @param {Store} store
   * @param {string} uuid
   */
  constructor(store, uuid) {
    this.store = store;
    this.uuid = uuid;
    this.top = el("div", { className: "top" });
    this.run = el("div", { className: "run" });
    this.unreadLine = el("p", { className: "unread-line" }, el("span", {}, "New messages"));
    this.sent = el("p", { className: "mark" }, "Sent");
    this.read = el("p", { className: "mark" }, "Read");
  }

  /**
   * Draws the messages of the store. Returns the messages that arrived since the last time.
   *
   * @param {Thread} thread
   * @param {Conversation} conversation
   */
  update(thread, conversation) {
    this.#updateTop(thread, conversation);
    this.#prepend(thread.messages);
    const arrived = this.#append(thread.messages);
    this.#updateMarks(thread.messages, conversation.other_read_seq);
    return arrived;
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
    this.top.replaceChildren(el("p", {}, "Older messages could not be loaded. ", linkButton("Try again", tryAgain)));
  }

  get hasFailed() {
    return this.top.dataset.state === "failed";
  }

  // ------------------------------------------------------------ Messages

  /** @param {Message[]} messages */
  #prepend(messages) {
    const first = this.#first;
    if (!first || messages[0].seq === first.seq) return;
    const count = messages.findIndex((message) => message.seq === first.seq);
    const older = messages.slice(0, count);
    const chunk = el("div", { className: "chunk" });
    older.forEach((message, index) => {
      chunk.append(...this.#message(message, older[index - 1]));
    });
    this.#joinTo(first, older[count - 1]);
    this.run.prepend(chunk);
    this.#first = messages[0];
    this.#placeUnreadLine();
  }

  /**
   * Redraws the day line and the block of a message that has got a message before it.
   *
   * @param {Message} message
   * @param {Message} previous
   */
  #joinTo(message, previous) {
    const article = this.#articles.get(message.seq);
    const chunk = article?.parentElement;
    if (!article || !chunk) return;
    if (chunk.firstElementChild?.matches(".day")) chunk.firstElementChild.remove();
    chunk.prepend(...dayLineAbove(message, previous));
    article.classList.toggle("joins", isOneBlock(message, previous));
  }

  /** @param {Message[]} messages */
  #append(messages) {
    const last = this.#last;
    const fresh = last ? messages.filter((message) => message.seq > last.seq) : messages;
    if (!fresh.length) return [];
    let previous = last;
    let chunk = this.run.lastElementChild;
    for (const message of fresh) {
      if (!chunk || chunk.childElementCount >= CHUNK_SIZE) {
        chunk = el("div", { className: "chunk" });
        this.run.append(chunk);
      }
      chunk.append(...this.#message(message, previous));
      previous = message;
    }
    this.#first ??= messages[0];
    this.#last = previous;
    if (last) return fresh;
    this.#placeUnreadLine();
    return [];
  }

  /**
   * A message, below the line of a new day if it is the first of the day.
   *
   * @param {Message} message
   * @param {Message | null | undefined} previous
   */
  #message(message, previous) {
    const article = bubble(message, this.#isMine(message), isOneBlock(message, previous));
    this.#articles.set(message.seq, article);
    return [...dayLineAbove(message, previous), article];
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
    const state = older ? "more" : "beginning";
    if (this.hasFailed || this.top.dataset.state === state) return;
    this.top.dataset.state = state;
    this.top.replaceChildren(
      older
        ? el("p", { className: "dim" }, "Loading older messages …")
        : beginning(conversation, "Beginning of the conversation"),
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
 * @param {{ display_name: string, handle: string }} person
 * @param {string} note
 */
export function beginning(person, note) {
  const name = el("b", { dir: "auto" }, person.display_name);
  const handle = el("span", { className: "dim" }, ` @${person.handle}`);
  return el(
    "div",
    { className: "beginning" },
    avatar(person),
    el("p", {}, name, handle),
    el("p", { className: "dim" }, note),
  );
}

/**
 * @param {Message} message
 * @param {Message | null | undefined} previous
 */
function dayLineAbove(message, previous) {
  const day = dayLine(message.created_at);
  if (previous && dayLine(previous.created_at) === day) return [];
  return [el("p", { className: "day" }, el("span", {}, day))];
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
