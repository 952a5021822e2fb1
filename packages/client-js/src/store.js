/** Conversations and messages, merged by seq. Pure: no network, no clock, no page. */

import { Emitter } from "./emitter.js";

/** @import { Conversation, ConversationEntry, Links, Message, Person, UnreadTotals } from "./types.js" */

/** Messages of one conversation, seq by seq without a gap. */
export class Thread {
  /** @type {Map<number, Message>} Messages by seq, received before one that precedes them. */
  #early = new Map();
  /** @type {Set<string>} */
  #uuids = new Set();

  /**
   * @param {Message[]} page the newest page
   * @param {Links} links
   */
  constructor(page, links) {
    this.messages = [...page];
    for (const message of page) this.#uuids.add(message.uuid);
    /** Path of the page before the first message; null at the beginning of the conversation. */
    this.older = links.prev ?? null;
    /** Path of the messages after the last one. It may repeat some of the last ones. */
    this.newer = links.next ?? links.monitor ?? "";
  }

  get firstSeq() {
    return this.messages[0]?.seq ?? 0;
  }

  get lastSeq() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Whether messages are missing before one that was received. */
  get hasGap() {
    return this.#early.size > 0;
  }

  /** @param {string} message_uuid */
  has(message_uuid) {
    return this.#uuids.has(message_uuid);
  }

  /**
   * Adds the page before the first message.
   *
   * @param {Message[]} page
   * @param {Links} links
   */
  addOlder(page, links) {
    const before = page.filter((message) => message.seq < this.firstSeq);
    this.messages.unshift(...before);
    for (const message of before) this.#uuids.add(message.uuid);
    this.older = links.prev ?? null;
  }

  /**
   * Sets the cursor after the last message, as the socket delivers it.
   *
   * @param {string} cursor
   */
  goOnAfter(cursor) {
    this.newer = this.newer.replace(/([?&]after=)[^&]*/, `$1${encodeURIComponent(cursor)}`);
  }

  /**
   * Adds a message from anywhere: duplicates, late ones and any order are fine.
   *
   * @param {Message} message
   */
  add(message) {
    if (message.seq <= this.lastSeq) return;
    this.#early.set(message.seq, message);
    let next = this.#early.get(this.lastSeq + 1);
    while (next) {
      this.#early.delete(next.seq);
      this.#uuids.add(next.uuid);
      this.messages.push(next);
      next = this.#early.get(this.lastSeq + 1);
    }
  }
}

/**
 * The number of unread messages in a conversation.
 *
 * @param {Pick<Conversation, "last_seq" | "read_seq">} conversation
 */
export const unread = (conversation) => Math.max(0, conversation.last_seq - conversation.read_seq);

/** @typedef {{ kind: "conversation" | "messages" | "typing" | "presence" | "me", uuid?: string }} Change */

/**
 * Fires `change` with the kind of the change and the conversation's uuid, which lost presence and `me` lack.
 *
 * @extends {Emitter<{ change: Change }>}
 */
export class Store extends Emitter {
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  /** @type {Map<string, Thread>} */
  threads = new Map();
  /** @type {Map<string, boolean>} By user_uuid. */
  #online = new Map();
  /** @type {Set<string>} Conversations in which the other person is typing. */
  #typing = new Set();

  /** @param {Person} me */
  constructor(me) {
    super();
    this.me = me;
  }

  /**
   * Takes the person's own profile, with a new name perhaps.
   *
   * @param {Person} me
   */
  setMe({ uuid, handle, display_name, avatar }) {
    this.me = { uuid, handle, display_name, avatar };
    this.#changed("me");
  }

  /** All conversations, the newest message first. */
  get inbox() {
    return [...this.conversations.values()].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  }

  /**
   * The totals, as GET /api/unread counts them.
   *
   * @returns {UnreadTotals}
   */
  get unread() {
    const counts = [...this.conversations.values()].map(unread).filter(Boolean);
    return { message_groups: counts.length, messages: counts.reduce((sum, count) => sum + count, 0) };
  }

  /**
   * The conversation with a person. The case of the handle does not matter.
   *
   * @param {string} handle
   */
  with(handle) {
    const wanted = handle.toLowerCase();
    return [...this.conversations.values()].find((conversation) => conversation.handle.toLowerCase() === wanted);
  }

  /** @param {ConversationEntry[]} entries */
  putAll(entries) {
    for (const entry of entries) this.put(entry);
  }

  /**
   * Takes an entry of the inbox. An outdated one advances marks and changes nothing else.
   *
   * @param {ConversationEntry & { type?: string }} entry
   */
  put({ type: _type, unread_count: _count, ...entry }) {
    const known = this.conversations.get(entry.uuid);
    const newest = known && known.created_at > entry.created_at ? { ...entry, ...known } : { ...known, ...entry };
    const last_seq = Math.max(entry.last_seq, known?.last_seq ?? 0);
    const read_seq = Math.max(entry.read_seq, known?.read_seq ?? 0);
    const { other_read_seq: mark } = entry;
    const other_read_seq = mark === null ? null : Math.max(mark, known?.other_read_seq ?? 0);
    this.conversations.set(entry.uuid, { ...newest, last_seq, read_seq, other_read_seq });
    this.#changed("conversation", entry.uuid);
  }

  /**
   * Takes a message. It advances its sender's mark, too, and has the name that its sender bears then.
   *
   * @param {string} message_group_uuid
   * @param {Message} message
   */
  receive(message_group_uuid, message) {
    const known = this.conversations.get(message_group_uuid);
    const isMine = message.user_uuid === this.me.uuid;
    if (known) {
      const isNews = message.created_at > known.created_at;
      const { display_name, handle } = isMine ? known : message;
      const news = { message: message.message, created_at: message.created_at, display_name, handle };
      this.conversations.set(message_group_uuid, {
        ...known,
        ...(isNews ? news : {}),
        last_seq: Math.max(known.last_seq, message.seq),
      });
      const isHidden = !isMine && known.other_read_seq === null;
      if (!isHidden) this.mark(message_group_uuid, message.user_uuid, message.seq);
      this.#changed("conversation", message_group_uuid);
    }
    if (!isMine) this.#typing.delete(message_group_uuid);
    const thread = this.threads.get(message_group_uuid);
    if (thread) {
      thread.add(message);
      this.#changed("messages", message_group_uuid);
    }
  }

  /**
   * Notes that a person has read up to a message.
   *
   * @param {string} message_group_uuid
   * @param {string} user_uuid
   * @param {number} seq
   */
  mark(message_group_uuid, user_uuid, seq) {
    const known = this.conversations.get(message_group_uuid);
    const name = user_uuid === this.me.uuid ? "read_seq" : "other_read_seq";
    if (!known || (known[name] ?? 0) >= seq) return;
    this.conversations.set(message_group_uuid, { ...known, [name]: seq });
    this.#changed("conversation", message_group_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {Thread} thread
   */
  open(message_group_uuid, thread) {
    this.threads.set(message_group_uuid, thread);
    this.#changed("messages", message_group_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {Message[]} page
   * @param {Links} links
   */
  addOlder(message_group_uuid, page, links) {
    this.threads.get(message_group_uuid)?.addOlder(page, links);
    this.#changed("messages", message_group_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {Message[]} page
   * @param {Links} links
   */
  addNewer(message_group_uuid, page, links) {
    for (const message of page) this.receive(message_group_uuid, message);
    const thread = this.threads.get(message_group_uuid);
    if (thread) thread.newer = links.next ?? links.monitor ?? thread.newer;
  }

  /**
   * Whether a person is online; undefined if unknown.
   *
   * @param {string} user_uuid
   */
  isOnline(user_uuid) {
    return this.#online.get(user_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {string} user_uuid
   * @param {boolean} online
   */
  setOnline(message_group_uuid, user_uuid, online) {
    this.#online.set(user_uuid, online);
    this.#changed("presence", message_group_uuid);
  }

  /** Presence is unknown while there is no socket. */
  forgetPresence() {
    this.#online.clear();
    this.#changed("presence");
  }

  /** @param {string} message_group_uuid */
  isTyping(message_group_uuid) {
    return this.#typing.has(message_group_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {boolean} typing
   */
  setTyping(message_group_uuid, typing) {
    if (typing) this.#typing.add(message_group_uuid);
    else this.#typing.delete(message_group_uuid);
    this.#changed("typing", message_group_uuid);
  }

  /**
   * @param {Change["kind"]} kind
   * @param {string} [uuid]
   */
  #changed(kind, uuid) {
    this.emit("change", { kind, uuid });
  }
}
