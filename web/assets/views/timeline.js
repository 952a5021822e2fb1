/** The messages of a conversation, oldest at the top, with a line above each day and above the unread ones. */

import { atHandle, avatar, el, linkButton } from "../dom.js";
import { dayLine, today } from "../format.js";
import { t } from "../texts.js";
import { bubble, updateTime } from "./message.js";

/**
 * @import { Conversation, Message, Person } from "../cruddur-messages/types.js"
 * @import { Store, Thread } from "../cruddur-messages/index.js"
 */

const CHUNK_SIZE = 100; // messages in an element that the browser need not render while it is off the screen
const BLOCK_MS = 5 * 60_000; // messages of one person this close together are drawn as one block

export class Timeline {
  /** @type {Map<number, HTMLElement>} By seq. */
  #articles = new Map();
  /** @type {Map<number, HTMLElement>} The line of a new day, by the seq of the message below it. */
  #days = new Map();
  #today = today();
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
    this.#updateTop(thread, conversation);
    this.#updateDays(thread.messages);
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
    this.top.replaceChildren(el("p", {}, `${t("older_not_loaded")} `, linkButton(t("try_again"), tryAgain)));
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
      chunk.append(this.#article(message));
      this.#joinTo(message, older[index - 1]);
    });
    this.run.prepend(chunk);
    this.#joinTo(first, older[count - 1]);
    this.#first = messages[0];
    this.#placeUnreadLine();
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
      chunk.append(this.#article(message));
      this.#joinTo(message, previous);
      previous = message;
    }
    this.#first ??= messages[0];
    this.#last = previous;
    if (last) return fresh;
    this.#placeUnreadLine();
    return [];
  }

  /** @param {Message} message */
  #article(message) {
    const article = bubble(message, this.#isMine(message));
    this.#articles.set(message.seq, article);
    return article;
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
