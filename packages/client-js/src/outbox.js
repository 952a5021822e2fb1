/**
 * Messages and changes on their way. Each is stored from the moment it is made until the server has it; a message has a
 * message_uuid of its own. So a reload, a lost answer or a second tab neither loses nor doubles it.
 */

import { Refused, SignedOut } from "./api.js";
import { Emitter } from "./emitter.js";

/**
 * @import { Api } from "./api.js"
 * @import { Platform } from "./platform.js"
 * @import {
 *   HiddenMessage, Message, MessageChange, OutboxChange, OutboxEntry, Person, Reaction, Recipient, SentMessage
 * } from "./types.js"
 */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const STAND_IN_MS = 10_000; // for another client that may have been closed

/**
 * Fires `change`; `sent` and `changed` with the API's answer to a message and to a change; and `refused` for a change
 * that the server does not take.
 *
 * @extends {Emitter<{
 *   change: void,
 *   sent: { entry: OutboxEntry, message: SentMessage },
 *   changed: { entry: OutboxChange, message: Message | HiddenMessage },
 *   refused: { entry: OutboxChange, reason: string },
 * }>}
 */
export class Outbox extends Emitter {
  /** Whether the last attempt failed and another will follow. */
  isFailing = false;

  /** @type {(() => void)[]} */
  #endings;
  #pauseMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #standInTimer;
  #isSending = false;
  #isClosed = false;

  /**
   * @param {Person} me
   * @param {Api} api
   * @param {Platform} platform
   */
  constructor(me, api, platform) {
    super();
    this.me = me;
    this.api = api;
    this.platform = platform;
    this.storage = platform.storage;
    /** Of the keys in the storage. */
    this.prefix = `cruddur.outbox.${me.uuid}.`;
    this.#endings = [
      platform.on("online", (isOnline) => (isOnline ? this.send() : this.#changed())),
      this.storage.onForeignChange?.((key) => key.startsWith(this.prefix) && this.#standIn()) ?? (() => {}),
    ];
  }

  close() {
    this.#isClosed = true;
    for (const end of this.#endings) end();
    clearTimeout(this.#timer);
    clearTimeout(this.#standInTimer);
  }

  /** Sends, after a while, what another client has left. */
  #standIn() {
    this.#changed();
    this.#standInTimer ??= setTimeout(() => {
      this.#standInTimer = undefined;
      this.#attempt();
    }, STAND_IN_MS);
  }

  /**
   * All waiting messages, in the order they were written.
   *
   * @returns {OutboxEntry[]}
   */
  get entries() {
    return this.#all.filter(isMessage);
  }

  /** All waiting changes, in the order they were made. */
  get changes() {
    return this.#all.filter(isChange);
  }

  /** @returns {(OutboxEntry | OutboxChange)[]} */
  get #all() {
    return this.storage
      .keys()
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => JSON.parse(this.storage.get(key) ?? ""))
      .sort((one, other) => one.order - other.order);
  }

  /**
   * Stores a message and starts to send. Returns its message_uuid.
   *
   * @param {Recipient} recipient
   * @param {string} message
   * @param {string} [reply_to] the message_uuid of a message in the same conversation
   */
  add(recipient, message, reply_to) {
    const message_uuid = randomUuid();
    this.#keep({ ...recipient, message, message_uuid, reply_to, ...this.#position() });
    this.send();
    return message_uuid;
  }

  /**
   * Stores a change of a message and starts to send, after `afterMs`. It waits for the message itself, if need be.
   * Returns the id of the change.
   *
   * @param {MessageChange} change
   * @param {number} [afterMs]
   */
  change(change, afterMs = 0) {
    const id = randomUuid();
    this.#keep({ ...change, id, not_before: Date.now() + afterMs, ...this.#position() });
    this.send();
    return id;
  }

  /**
   * A message as it will be after the changes that wait.
   *
   * @param {Message} message
   */
  applied(message) {
    let shown = message;
    for (const { kind, message_uuid, text = "", emoji = "", created_at } of this.changes) {
      if (message_uuid !== message.uuid || shown.unsent_at) continue;
      if (kind === "edit") shown = { ...shown, message: text, edited_at: created_at };
      else if (kind === "unsend") shown = { ...unsent(shown), unsent_at: created_at };
      else if (kind !== "hide")
        shown = { ...shown, reactions: this.#reacted(shown.reactions, emoji, kind === "react") };
    }
    return shown;
  }

  /**
   * @param {Reaction[] | undefined} reactions
   * @param {string} emoji
   * @param {boolean} isSet
   */
  #reacted(reactions, emoji, isSet) {
    const users = new Map((reactions ?? []).map((one) => [one.emoji, new Set(one.user_uuids)]));
    if (isSet) users.set(emoji, (users.get(emoji) ?? new Set()).add(this.me.uuid));
    else users.get(emoji)?.delete(this.me.uuid);
    return [...users].filter(([, uuids]) => uuids.size).map(([one, uuids]) => ({ emoji: one, user_uuids: [...uuids] }));
  }

  /** When an entry was made, and a number that grows with each. */
  #position() {
    const last = this.#all.at(-1)?.order ?? 0;
    return { created_at: new Date().toISOString(), order: Math.max(Date.now(), last + 1) };
  }

  /**
   * Tries again now. With a message_uuid, tries that message even if the server refused it.
   *
   * @param {string} [message_uuid]
   */
  send(message_uuid) {
    const refused = this.entries.find((entry) => entry.message_uuid === message_uuid && entry.refused);
    if (refused) this.#keep({ ...refused, refused: undefined, refused_code: undefined });
    clearTimeout(this.#timer);
    this.#pauseMs = 0;
    this.#attempt();
  }

  /**
   * Takes back a message, with the changes that wait for it, or a change.
   *
   * @param {string} id a message_uuid, or the id of a change
   */
  discard(id) {
    for (const change of this.changes) {
      if (change.message_uuid === id) this.storage.remove(this.prefix + change.id);
    }
    this.storage.remove(this.prefix + id);
    this.#changed();
  }

  async #attempt() {
    if (this.#isSending || this.#isClosed || !this.platform.isOnline) return this.#changed();
    this.#isSending = true;
    this.#changed(); // a change whose time has come cannot be undone any more
    try {
      // One client at a time, so that the order holds.
      if (this.storage.alone) await this.storage.alone(this.prefix, () => this.#sendAll());
      else await this.#sendAll();
      this.isFailing = false;
      this.#scheduleWaiting();
    } catch (error) {
      if (error instanceof SignedOut) return;
      this.isFailing = true;
      this.#scheduleAttempt(error instanceof Refused ? error.retryAfterMs : 0);
    } finally {
      this.#isSending = false;
      this.#changed();
    }
  }

  /** @param {number} retryAfterMs */
  #scheduleAttempt(retryAfterMs) {
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2 || FIRST_PAUSE_MS);
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const pauseMs = retryAfterMs + this.#pauseMs * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#attempt(), pauseMs);
  }

  /** Tries again when the first of the changes that wait for their time may go. */
  #scheduleWaiting() {
    const times = this.changes.map(({ not_before }) => not_before).filter((time) => time > Date.now());
    clearTimeout(this.#timer);
    if (times.length && !this.#isClosed)
      this.#timer = setTimeout(() => this.#attempt(), Math.min(...times) - Date.now());
  }

  async #sendAll() {
    while (!this.#isClosed) {
      const entry = this.#next();
      if (!entry) return;
      if (isChange(entry)) await this.#sendChange(entry);
      else await this.#sendMessage(entry);
      this.#changed();
    }
  }

  /** The first entry that may go: it is not before its time, and none before it is for the same message. */
  #next() {
    const all = this.#all;
    return all.find((entry, index) => {
      if (isChange(entry) ? entry.not_before > Date.now() : entry.refused) return false;
      return !all.slice(0, index).some(({ message_uuid }) => message_uuid === entry.message_uuid);
    });
  }

  /** @param {OutboxEntry} entry */
  async #sendMessage(entry) {
    const { message, message_uuid, message_group_uuid, handle, reply_to } = entry;
    const recipient = message_group_uuid ? { message_group_uuid } : { handle };
    const posted = { ...recipient, message, message_uuid, reply_to };
    try {
      const { body } = await this.api.request("POST", "/api/messages", posted);
      this.storage.remove(this.prefix + message_uuid);
      this.#rebase(body.message_group_uuid, body);
      this.emit("sent", { entry, message: body });
    } catch (error) {
      if (!(error instanceof Refused) || error.isPassing) throw error;
      this.#keep({ ...entry, refused: error.message, refused_code: error.codes[0] });
    }
  }

  /** @param {OutboxChange} entry */
  async #sendChange(entry) {
    try {
      const message = entry.kind === "edit" ? await this.#sendEdit(entry) : await this.#request(entry);
      if (entry.kind === "edit") this.#rebase(entry.message_group_uuid, message);
      this.storage.remove(this.prefix + entry.id);
      this.emit("changed", { entry, message });
    } catch (error) {
      if (!(error instanceof Refused) || error.isPassing) throw error;
      this.storage.remove(this.prefix + entry.id);
      this.emit("refused", { entry, reason: error.message });
    }
  }

  /**
   * Edits a message that has the text that the person saw. Throws Refused, with 412 if it has another.
   *
   * @param {OutboxChange} entry
   */
  async #sendEdit(entry) {
    for (let seen = entry.seen; ; ) {
      try {
        return await this.#request({ ...entry, seen });
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 412) throw error;
        const { body: now } = await this.api.get(path(entry));
        if ("hidden" in now || now.edited_at !== seen?.edited_at) throw error;
        seen = now; // only reactions have changed
      }
    }
  }

  /** @param {OutboxChange} entry */
  async #request(entry) {
    const { kind, text: message, seen, emoji = "" } = entry;
    const reaction = `${path(entry)}/reactions/${encodeURIComponent(emoji)}`;
    const [method, address, body] = {
      edit: ["PATCH", path(entry), { message, change: seen?.change ?? 0 }],
      unsend: ["DELETE", `${path(entry)}?for=everyone`],
      hide: ["DELETE", `${path(entry)}?for=me`],
      react: ["PUT", reaction],
      unreact: ["DELETE", reaction],
    }[kind];
    return (await this.api.request(/** @type {string} */ (method), /** @type {string} */ (address), body)).body;
  }

  /**
   * Lets the changes that wait for a message continue from its present state.
   *
   * @param {string | undefined} message_group_uuid
   * @param {Message} message
   */
  #rebase(message_group_uuid, { uuid, change, edited_at }) {
    for (const entry of this.changes) {
      if (entry.message_uuid === uuid) this.#keep({ ...entry, message_group_uuid, seen: { change, edited_at } });
    }
  }

  /** @param {OutboxEntry | OutboxChange} entry */
  #keep(entry) {
    this.storage.set(this.prefix + (isChange(entry) ? entry.id : entry.message_uuid), JSON.stringify(entry));
    this.#changed();
  }

  #changed() {
    this.emit("change", undefined);
  }
}

/**
 * @param {OutboxEntry | OutboxChange} entry
 * @returns {entry is OutboxChange}
 */
function isChange(entry) {
  return "kind" in entry;
}

/**
 * @param {OutboxEntry | OutboxChange} entry
 * @returns {entry is OutboxEntry}
 */
const isMessage = (entry) => !isChange(entry);

/** @param {OutboxChange} entry */
const path = ({ message_group_uuid, message_uuid }) => `/api/messages/${message_group_uuid}/${message_uuid}`;

/** @param {Message} message */
const unsent = ({ edited_at, reactions, reply_to, ...message }) => ({ ...message, message: "" });

/** A random UUID (version 4). Pages without HTTPS and React Native have no crypto.randomUUID. */
export function randomUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
