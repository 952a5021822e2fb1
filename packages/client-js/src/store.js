/** Conversations and messages, merged by seq, by change and by setting. Pure: no network, no page. */

import { Emitter } from "./emitter.js";

/**
 * @import {
 *   Conversation, Folder, HiddenMessage, Links, LiveEntry, Message, Person, Quote, UnreadTotals
 * } from "./types.js"
 */

/** Messages of one conversation, seq by seq without a gap. */
export class Thread {
  /** @type {Map<number, Message | HiddenMessage>} The newest copy of each message, by seq. Some are before or after a gap. */
  #copies = new Map();
  /** @type {Set<string>} */
  #uuids = new Set();
  /** @type {Message[] | null} */
  #messages = null;
  #newestSeq = 0;
  /** The number of the last change that this device knows of. */
  #knownChange = 0;
  #beginsAfter = 0;

  /**
   * @param {(Message | HiddenMessage)[]} page the newest page
   * @param {Links} links
   * @param {number} [lastChange] the conversation's, as known before the page was requested
   * @param {Set<number>} [hidden] seqs of the messages that the person has hidden
   * @param {number} [beginsAfter] the person's history begins after this seq
   */
  constructor(page, links, lastChange = 0, hidden = new Set(), beginsAfter = 0) {
    this.firstSeq = page[0]?.seq ?? beginsAfter + 1;
    this.lastSeq = this.firstSeq - 1;
    /** The messages have all changes up to this one, and perhaps later ones. */
    this.lastChange = lastChange;
    /** Seqs of messages that the person has hidden. Those that a page names are not among them. */
    this.hidden = hidden;
    /** The last setting when the first of the messages was requested that a block withholds. */
    this.withheldAt = Infinity;
    /** Path of the page before the first message; null at the beginning of the conversation. */
    this.older = links.prev ?? null;
    /** Path of the messages after the last one. It may repeat some of the last ones. */
    this.newer = links.next ?? links.monitor ?? "";
    for (const message of page) this.add(message);
    this.beginAfter(beginsAfter);
  }

  /** The messages that the person has not hidden. */
  get messages() {
    this.#messages ??= [...this.#held()];
    return this.#messages;
  }

  *#held() {
    for (let seq = this.firstSeq; seq <= this.lastSeq; seq++) {
      const copy = this.#copies.get(seq);
      if (copy && !("hidden" in copy || this.hidden.has(seq))) yield copy;
    }
  }

  /** Whether messages are missing before one that was received. */
  get hasGap() {
    return this.#newestSeq > this.lastSeq;
  }

  /**
   * Notes the conversation's last setting when messages were requested, if a block withholds one of them.
   *
   * @param {(Message | HiddenMessage | undefined)[]} messages
   * @param {number} lastSetting
   */
  noteWithheld(messages, lastSetting) {
    if (messages.some(isWithheld)) this.withheldAt = Math.min(this.withheldAt, lastSetting);
  }

  /** Whether there are changes that the messages may not have. */
  get lacksChanges() {
    return this.lastChange < this.#knownChange;
  }

  /** @param {string} message_uuid */
  has(message_uuid) {
    return this.#uuids.has(message_uuid);
  }

  /**
   * The message that this one replies to, as it is now, or as much as the server said of it.
   *
   * @param {Message} message
   * @returns {Quote | null}
   */
  quoted({ reply_to }) {
    if (!reply_to) return null;
    const { uuid, seq } = reply_to;
    const copy = this.#copies.get(seq);
    const isHidden = this.hidden.has(seq) || seq <= this.#beginsAfter || (copy && "hidden" in copy);
    if (isHidden) return { uuid, seq, hidden: true };
    if (!copy) return reply_to;
    const { user_uuid, message, unsent_at } = copy;
    return unsent_at ? { uuid, seq, user_uuid, unsent: true } : { uuid, seq, user_uuid, message };
  }

  /**
   * Adds the page before the first message.
   *
   * @param {(Message | HiddenMessage)[]} page
   * @param {Links} links
   */
  addOlder(page, links) {
    for (const message of page) this.add(message);
    this.firstSeq = Math.min(this.firstSeq, page[0]?.seq ?? this.firstSeq);
    this.older = links.prev ?? null;
    this.beginAfter(this.#beginsAfter);
  }

  /**
   * Drops the messages up to a seq, for ever.
   *
   * @param {number} seq
   */
  beginAfter(seq) {
    this.#beginsAfter = Math.max(this.#beginsAfter, seq);
    if (this.firstSeq > this.#beginsAfter) return;
    this.firstSeq = this.#beginsAfter + 1;
    this.lastSeq = Math.max(this.lastSeq, this.#beginsAfter);
    this.#goOn();
    this.older = null;
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
   * Adds a copy of a message from anywhere: duplicates, outdated and late ones and any order are fine.
   *
   * @param {Message | HiddenMessage} message
   */
  add(message) {
    const { seq } = message;
    if (!("hidden" in message)) this.#uuids.add(message.uuid);
    const known = this.#copies.get(seq);
    this.#copies.set(seq, known ? merged(known, message) : message);
    this.#newestSeq = Math.max(this.#newestSeq, seq);
    this.#goOn();
  }

  #goOn() {
    while (this.#copies.has(this.lastSeq + 1)) this.lastSeq++;
    this.#messages = null;
  }

  /**
   * Notes that there was a change. With its message it counts as done, if none before it is missing.
   *
   * @param {number} change
   * @param {Message | HiddenMessage} [message]
   */
  change(change, message) {
    this.#knownChange = Math.max(this.#knownChange, change);
    if (!message) return;
    this.add(message);
    if (change === this.lastChange + 1) this.lastChange = change;
  }

  /**
   * Takes an element of the list of changes, which follows the last one. It has no message if the person sees none.
   *
   * @param {number} change
   * @param {Message | HiddenMessage} [message]
   */
  list(change, message) {
    this.change(change, message);
    this.lastChange = Math.max(this.lastChange, change);
  }

  /** @param {number[]} seqs */
  hide(seqs) {
    for (const seq of seqs) this.hidden.add(seq);
    this.#messages = null;
  }
}

/**
 * Whether the other person has edited a message during a block. It is shown again after it.
 *
 * @param {Message | HiddenMessage} [copy]
 */
const isWithheld = (copy) => copy !== undefined && "hidden" in copy && copy.change !== undefined;

/**
 * The newer of two copies of a message: it has the larger `change`. It keeps the quote that either has. One that is
 * hidden for ever has no `change`, and stays so.
 *
 * @param {Message | HiddenMessage} known
 * @param {Message | HiddenMessage} message
 */
function merged(known, message) {
  const { change } = known;
  if (change === undefined || message.change === undefined) return change === undefined ? known : message;
  const isNewer = message.change > change || (message.change === change && "hidden" in known);
  const [newer, older] = isNewer ? [message, known] : [known, message];
  if ("hidden" in newer || "hidden" in older) return newer;
  const isBare = newer.reply_to && Object.keys(newer.reply_to).length === 2;
  return isBare && older.reply_to ? { ...newer, reply_to: older.reply_to } : newer;
}

/**
 * Whether an entry shows a message from before that of a known one.
 *
 * @param {Conversation} entry
 * @param {Conversation} known
 */
function isOutdated(entry, known) {
  if (entry.last_seq !== known.last_seq) return entry.last_seq < known.last_seq;
  if (entry.last_change !== known.last_change) return entry.last_change < known.last_change;
  return entry.last_setting < known.last_setting;
}

/**
 * The newer settings of two entries. A message after them may have moved the conversation to another folder.
 *
 * @param {Conversation} entry
 * @param {Conversation} [known]
 */
function newestSettings(entry, known) {
  const age = known && (entry.last_setting - known.last_setting || entry.last_seq - known.last_seq);
  const newest = known && age !== undefined && age < 0 ? known : entry;
  const { muted_until, marked_unread, blocked, begins_after, last_setting, unseen } = newest;
  const isPassed = known && newest === entry && entry.last_seq < known.last_seq;
  const { folder } = isPassed ? settingsAfter(entry, known.created_at) : newest;
  return { folder, muted_until, marked_unread, blocked, begins_after, last_setting, unseen };
}

/**
 * The settings of a conversation after its next message. It leaves the archive unless it is muted; and the person's own
 * message accepts a request.
 *
 * @param {Conversation} conversation
 * @param {string} created_at of the message
 * @param {boolean} [isMine]
 */
function settingsAfter({ folder, muted_until, marked_unread }, created_at, isMine = false) {
  const isBack = folder === "archive" ? !isMuted({ muted_until }, created_at) : folder === "requests" && isMine;
  return { folder: isBack ? /** @type {const} */ ("inbox") : folder, marked_unread: marked_unread && !isMine };
}

/**
 * Whether a conversation is muted, now or at another time.
 *
 * @param {Pick<Conversation, "muted_until">} conversation
 * @param {string} [time]
 */
export function isMuted({ muted_until }, time = new Date().toISOString()) {
  return muted_until === "forever" || (muted_until !== null && muted_until > time);
}

/**
 * The number of unread messages in a conversation.
 *
 * @param {Pick<Conversation, "last_seq" | "read_seq" | "unseen">} conversation
 */
export function unread({ last_seq, read_seq, unseen = [] }) {
  const counts = unseen.map(([first, last]) => Math.max(0, Math.min(last, last_seq) - Math.max(first - 1, read_seq)));
  return Math.max(0, last_seq - read_seq - counts.reduce((sum, count) => sum + count, 0));
}

/** @typedef {{ kind: "conversation" | "messages" | "typing" | "presence" | "pins" | "me", uuid?: string }} Change */

/**
 * Fires `change` with the kind of the change and the conversation's uuid, which lost presence, `pins` and `me` lack.
 *
 * @extends {Emitter<{ change: Change }>}
 */
export class Store extends Emitter {
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  /** @type {Map<string, Thread>} */
  threads = new Map();
  /** @type {string[]} The pinned conversations, in their order. */
  pins = [];
  /** The number of the last change of the pins. */
  lastPins = 0;
  /** @type {Map<string, Set<number>>} Seqs of hidden messages, by conversation. They stay hidden, whatever comes later. */
  #hidden = new Map();
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

  /** The conversations of the inbox: the pinned ones in their order, then the newest message first. */
  get inbox() {
    const pinned = this.pins.map((uuid) => this.conversations.get(uuid)).filter((one) => one?.folder === "inbox");
    const others = this.folder("inbox").filter(({ uuid }) => !this.pins.includes(uuid));
    return /** @type {Conversation[]} */ ([...pinned, ...others]);
  }

  /**
   * The conversations of a folder, the newest message first.
   *
   * @param {Folder} folder
   */
  folder(folder) {
    return [...this.conversations.values()]
      .filter((conversation) => conversation.folder === folder)
      .sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  }

  /**
   * The totals, as GET /api/unread counts them.
   *
   * @returns {UnreadTotals}
   */
  get unread() {
    const counted = this.folder("inbox").filter((one) => !isMuted(one));
    return {
      message_groups: counted.filter((one) => one.marked_unread || unread(one)).length,
      messages: counted.reduce((sum, one) => sum + unread(one), 0),
      requests: this.folder("requests").filter((one) => one.marked_unread || unread(one)).length,
    };
  }

  /**
   * Whether a pinned conversation is in the inbox again, at a place that is not known.
   *
   * @param {Pick<Conversation, "uuid" | "folder">} conversation
   */
  lacksPin({ uuid, folder }) {
    return folder === "inbox" && !this.pins.includes(uuid);
  }

  /**
   * Takes the pinned conversations after a change of that number.
   *
   * @param {number} number
   * @param {string[]} uuids in their order
   */
  setPins(number, uuids) {
    if (number < this.lastPins) return;
    this.lastPins = number;
    if (this.pins.join() === uuids.join()) return;
    this.pins = uuids;
    this.#changed("pins");
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

  /** @param {string} user_uuid */
  ofPerson(user_uuid) {
    return [...this.conversations.values()].find((conversation) => conversation.user_uuid === user_uuid);
  }

  /**
   * Takes an entry of a folder. An outdated one advances marks and changes nothing else.
   *
   * @param {LiveEntry & { type?: string, pinned?: boolean }} entry
   */
  put({ type: _type, unread_count: _count, pinned: _pinned, ...entry }) {
    const known = this.conversations.get(entry.uuid);
    const isOld = known && isOutdated(entry, known);
    const newest = isOld ? { ...entry, ...known } : { ...known, ...entry, unsent: entry.unsent };
    const last_seq = Math.max(entry.last_seq, known?.last_seq ?? 0);
    const read_seq = Math.max(entry.read_seq, known?.read_seq ?? 0);
    const { other_read_seq: mark } = entry;
    const other_read_seq = mark === null ? null : Math.max(mark, known?.other_read_seq ?? 0);
    const last_change = Math.max(entry.last_change, known?.last_change ?? 0);
    const settings = newestSettings(entry, known);
    const numbers = { last_seq, last_change, read_seq, other_read_seq };
    this.conversations.set(entry.uuid, { ...newest, ...settings, ...numbers });
    this.threads.get(entry.uuid)?.beginAfter(settings.begins_after);
    this.#changed("conversation", entry.uuid);
  }

  /** Ends the mutes whose time is over. */
  endMutes() {
    for (const conversation of this.conversations.values()) {
      if (conversation.muted_until === null || isMuted(conversation)) continue;
      this.conversations.set(conversation.uuid, { ...conversation, muted_until: null });
      this.#changed("conversation", conversation.uuid);
    }
  }

  /**
   * Seqs of the messages that the person has hidden, as far as this device knows.
   *
   * @param {string} message_group_uuid
   */
  hidden(message_group_uuid) {
    const hidden = this.#hidden.get(message_group_uuid) ?? new Set();
    this.#hidden.set(message_group_uuid, hidden);
    return hidden;
  }

  /**
   * @param {string} message_group_uuid
   * @param {number[]} seqs
   */
  hide(message_group_uuid, seqs) {
    for (const seq of seqs) this.hidden(message_group_uuid).add(seq);
    this.threads.get(message_group_uuid)?.hide(seqs);
    this.#changed("messages", message_group_uuid);
    this.#changed("conversation", message_group_uuid);
  }

  /**
   * Takes a copy of a message. It advances its sender's mark, too, and has the name that its sender bears then.
   *
   * @param {string} message_group_uuid
   * @param {Message | HiddenMessage} message
   */
  receive(message_group_uuid, message) {
    if (!("hidden" in message)) this.#preview(message_group_uuid, message);
    const thread = this.threads.get(message_group_uuid);
    if (thread) {
      thread.add(message);
      this.#changed("messages", message_group_uuid);
    }
  }

  /**
   * Updates the entry of a message's conversation. Its time and place in the inbox change with a new message only.
   *
   * @param {string} message_group_uuid
   * @param {Message} message
   */
  #preview(message_group_uuid, message) {
    const known = this.conversations.get(message_group_uuid);
    const isMine = message.user_uuid === this.me.uuid;
    if (!isMine) this.#typing.delete(message_group_uuid);
    if (!known) return;
    const text = { message: message.message, unsent: message.unsent_at ? /** @type {const} */ (true) : undefined };
    const { display_name, handle } = isMine ? known : message;
    const isNews = message.created_at > known.created_at;
    const isChanged = !known.blocked && message.seq === known.last_seq && message.change > known.last_change;
    this.conversations.set(message_group_uuid, {
      ...known,
      ...(isNews ? { ...text, created_at: message.created_at, display_name, handle } : {}),
      ...(isChanged ? text : {}),
      ...(message.seq > known.last_seq ? settingsAfter(known, message.created_at, isMine) : {}),
      last_seq: Math.max(known.last_seq, message.seq),
    });
    const isHidden = !isMine && known.other_read_seq === null;
    if (!isHidden) this.mark(message_group_uuid, message.user_uuid, message.seq);
    this.#changed("conversation", message_group_uuid);
  }

  /**
   * Takes a change with its message as it is now. Returns whether this device lacks changes before it, or its message.
   *
   * @param {string} message_group_uuid
   * @param {number} change
   * @param {Message | HiddenMessage} [message]
   */
  change(message_group_uuid, change, message) {
    const thread = this.threads.get(message_group_uuid);
    thread?.change(change, message);
    if (message) this.receive(message_group_uuid, message);
    const known = this.conversations.get(message_group_uuid);
    if (known && message && change === known.last_change + 1) {
      this.conversations.set(message_group_uuid, { ...known, last_change: change });
    }
    return thread ? thread.lacksChanges : change > (this.conversations.get(message_group_uuid)?.last_change ?? 0);
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
    const marked_unread = known.marked_unread && name !== "read_seq";
    this.conversations.set(message_group_uuid, { ...known, marked_unread, [name]: seq });
    this.#changed("conversation", message_group_uuid);
  }

  /**
   * Notes that this person reads up to a message. It also ends the flag of a conversation that is marked as unread.
   *
   * @param {string} message_group_uuid
   * @param {number} seq
   */
  read(message_group_uuid, seq) {
    const known = this.conversations.get(message_group_uuid);
    if (known) this.conversations.set(message_group_uuid, { ...known, marked_unread: false });
    this.mark(message_group_uuid, this.me.uuid, seq);
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
   * @param {(Message | HiddenMessage)[]} page
   * @param {Links} links
   */
  addOlder(message_group_uuid, page, links) {
    this.threads.get(message_group_uuid)?.addOlder(page, links);
    this.#changed("messages", message_group_uuid);
  }

  /**
   * @param {string} message_group_uuid
   * @param {(Message | HiddenMessage)[]} page
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
