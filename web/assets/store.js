/** What is known of conversations and messages, merged by seq. Pure: no network, no clock, no page. */

/** The messages of one conversation that are here: always one run, seq by seq, with no gap in it. */
export class Thread {
  messages = [];
  /** URL of the page before the first message, or null at the conversation's beginning. */
  older = null;
  /** URL of what comes after the last message, or of a place before that. */
  newer = null;
  #ahead = new Map();
  #uuids = new Set();

  /** From the newest page and its links. */
  constructor(page, links) {
    this.messages = [...page];
    page.forEach((message) => this.#uuids.add(message.uuid));
    this.older = links.prev ?? null;
    this.newer = links.next ?? links.monitor ?? null;
  }

  get firstSeq() {
    return this.messages[0]?.seq ?? 0;
  }

  get lastSeq() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Whether messages are here that do not follow the last one: what lies between must be asked for. */
  get hasGap() {
    return this.#ahead.size > 0;
  }

  has(message_uuid) {
    return this.#uuids.has(message_uuid);
  }

  /** The page before the first message. */
  addOlder(page, links) {
    const before = page.filter((message) => message.seq < this.firstSeq);
    this.messages.unshift(...before);
    before.forEach((message) => this.#uuids.add(message.uuid));
    this.older = links.prev ?? null;
  }

  /** The page after some message that is here. */
  addNewer(page, links) {
    page.forEach((message) => this.add(message));
    this.newer = links.next ?? links.monitor ?? this.newer;
  }

  /** The cursor of the last message, as the socket gives it. */
  goOnAfter(cursor) {
    const url = new URL(this.newer);
    url.searchParams.set("after", cursor);
    this.newer = url.href;
  }

  /** A message from anywhere; those that came doubled, late or out of order do no harm. */
  add(message) {
    if (message.seq <= this.lastSeq) return;
    this.#ahead.set(message.seq, message);
    for (let next; (next = this.#ahead.get(this.lastSeq + 1)); ) {
      this.#ahead.delete(next.seq);
      this.#uuids.add(next.uuid);
      this.messages.push(next);
    }
  }
}

/** How many messages of a conversation its reader has not read. */
export const unread = (conversation) => Math.max(0, conversation.last_seq - conversation.read_seq);

/** Fires `change` with detail {kind, uuid}; kind is "conversation", "messages", "typing" or "presence". */
export class Store extends EventTarget {
  conversations = new Map();
  threads = new Map();
  #online = new Map();
  #typing = new Set();

  /** `me` is {uuid, handle, display_name}. */
  constructor(me) {
    super();
    this.me = me;
  }

  /** All conversations that are known, the newest message first. */
  get inbox() {
    return [...this.conversations.values()].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  }

  /** {message_groups, messages}, as GET /api/unread counts them. */
  get unread() {
    const counts = [...this.conversations.values()].map(unread).filter(Boolean);
    return { message_groups: counts.length, messages: counts.reduce((sum, count) => sum + count, 0) };
  }

  /** The conversation with a person, by handle in any case. */
  with(handle) {
    const wanted = handle.toLowerCase();
    return [...this.conversations.values()].find((conversation) => conversation.handle.toLowerCase() === wanted);
  }

  /** An entry of the inbox. An older one than what is known changes nothing but marks, which only move on. */
  put({ type: _type, ...entry }) {
    const known = this.conversations.get(entry.uuid);
    const newest = known && known.created_at > entry.created_at ? { ...entry, ...known } : { ...known, ...entry };
    const last_seq = Math.max(entry.last_seq, known?.last_seq ?? 0);
    const read_seq = Math.max(entry.read_seq, known?.read_seq ?? 0);
    const isHidden = entry.other_read_seq === null;
    const other_read_seq = isHidden ? null : Math.max(entry.other_read_seq, known?.other_read_seq ?? 0);
    this.conversations.set(entry.uuid, { ...newest, last_seq, read_seq, other_read_seq });
    this.#changed("conversation", entry.uuid);
  }

  /** A message of a conversation that is known. A message moves its sender's mark, too. */
  receive(message_group_uuid, message) {
    const known = this.conversations.get(message_group_uuid);
    const isMine = message.user_uuid === this.me.uuid;
    if (known) {
      const isNews = message.created_at > known.created_at;
      this.conversations.set(message_group_uuid, {
        ...known,
        ...(isNews ? { message: message.message, created_at: message.created_at } : {}),
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

  /** Somebody has read up to a message. */
  mark(message_group_uuid, user_uuid, seq) {
    const known = this.conversations.get(message_group_uuid);
    const name = user_uuid === this.me.uuid ? "read_seq" : "other_read_seq";
    if (!known || known[name] >= seq) return;
    this.conversations.set(message_group_uuid, { ...known, [name]: seq });
    this.#changed("conversation", message_group_uuid);
  }

  open(message_group_uuid, thread) {
    this.threads.set(message_group_uuid, thread);
    this.#changed("messages", message_group_uuid);
  }

  addOlder(message_group_uuid, page, links) {
    this.threads.get(message_group_uuid).addOlder(page, links);
    this.#changed("messages", message_group_uuid);
  }

  addNewer(message_group_uuid, page, links) {
    for (const message of page) this.receive(message_group_uuid, message);
    this.threads.get(message_group_uuid)?.addNewer([], links);
  }

  /** Whether a person is online; undefined where it is not known. */
  isOnline(user_uuid) {
    return this.#online.get(user_uuid);
  }

  setOnline(message_group_uuid, user_uuid, online) {
    this.#online.set(user_uuid, online);
    this.#changed("presence", message_group_uuid);
  }

  /** Without a socket nobody tells. */
  forgetWhoIsOnline() {
    this.#online.clear();
    this.#changed("presence");
  }

  isTyping(message_group_uuid) {
    return this.#typing.has(message_group_uuid);
  }

  setTyping(message_group_uuid, typing) {
    if (typing) this.#typing.add(message_group_uuid);
    else this.#typing.delete(message_group_uuid);
    this.#changed("typing", message_group_uuid);
  }

  #changed(kind, uuid) {
    this.dispatchEvent(new CustomEvent("change", { detail: { kind, uuid } }));
  }
}
