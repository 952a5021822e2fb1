/**
 * Messages on their way. Each is stored from the moment it is written until the server has it, under a
 * message_uuid of its own. So a reload, a lost answer or a second tab neither loses nor doubles it.
 */

import { Refused, SignedOut } from "./api.js";
import { Emitter } from "./emitter.js";

/**
 * @import { Api } from "./api.js"
 * @import { Platform } from "./platform.js"
 * @import { OutboxEntry, Person, Recipient, SentMessage } from "./types.js"
 */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Fires `change`, and `sent` with the API's answer.
 *
 * @extends {Emitter<{ change: void, sent: { entry: OutboxEntry, message: SentMessage } }>}
 */
export class Outbox extends Emitter {
  /** Whether the last attempt failed and another will follow. */
  isFailing = false;

  /** @type {(() => void)[]} */
  #endings;
  #pauseMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isSending = false;
  #isClosed = false;

  /**
   * @param {Person} me
   * @param {Api} api
   * @param {Platform} platform
   */
  constructor(me, api, platform) {
    super();
    this.api = api;
    this.platform = platform;
    this.storage = platform.storage;
    /** Of the keys in the storage. */
    this.prefix = `cruddur.outbox.${me.uuid}.`;
    this.#endings = [
      platform.on("online", (isOnline) => (isOnline ? this.send() : this.#changed())),
      this.storage.onForeignChange?.((key) => key.startsWith(this.prefix) && this.#changed()) ?? (() => {}),
    ];
  }

  close() {
    this.#isClosed = true;
    for (const end of this.#endings) end();
    clearTimeout(this.#timer);
  }

  /**
   * All waiting entries, in the order they were written.
   *
   * @returns {OutboxEntry[]}
   */
  get entries() {
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
   */
  add(recipient, message) {
    const last = this.entries.at(-1)?.order ?? 0;
    const message_uuid = randomUuid();
    this.#keep({
      ...recipient,
      message,
      message_uuid,
      created_at: new Date().toISOString(),
      order: Math.max(Date.now(), last + 1),
    });
    this.send();
    return message_uuid;
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

  /** @param {string} message_uuid */
  discard(message_uuid) {
    this.storage.remove(this.prefix + message_uuid);
    this.#changed();
  }

  async #attempt() {
    if (this.#isSending || this.#isClosed || !this.platform.isOnline) return this.#changed();
    this.#isSending = true;
    try {
      // One client at a time, so that the order holds.
      if (this.storage.alone) await this.storage.alone(this.prefix, () => this.#sendAll());
      else await this.#sendAll();
      this.isFailing = false;
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
    if (this.#isClosed) return;
    const pauseMs = retryAfterMs + this.#pauseMs * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#attempt(), pauseMs);
  }

  async #sendAll() {
    while (!this.#isClosed) {
      const entry = this.entries.find((one) => !one.refused);
      if (!entry) return;
      const { message, message_uuid, message_group_uuid, handle } = entry;
      const recipient = message_group_uuid ? { message_group_uuid } : { handle };
      try {
        const { body } = await this.api.request("POST", "/api/messages", { ...recipient, message, message_uuid });
        this.storage.remove(this.prefix + message_uuid);
        this.emit("sent", { entry, message: body });
      } catch (error) {
        if (!(error instanceof Refused) || error.isPassing) throw error;
        this.#keep({ ...entry, refused: error.message, refused_code: error.codes[0] });
      }
      this.#changed();
    }
  }

  /** @param {OutboxEntry} entry */
  #keep(entry) {
    this.storage.set(this.prefix + entry.message_uuid, JSON.stringify(entry));
    this.#changed();
  }

  #changed() {
    this.emit("change", undefined);
  }
}

/** A random UUID (version 4). Pages without HTTPS and React Native have no crypto.randomUUID. */
function randomUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
