/**
 * Messages on their way. Each is stored in the browser from the moment it is written until the server has it, under a
 * message_uuid of its own. So a reload, a lost answer or a second tab neither loses nor doubles it.
 */

import { Refused } from "./api.js";
import { SignedOut } from "./session.js";
import { browserStorage } from "./storage.js";

/**
 * @import { OutboxEntry, Person, Recipient } from "../types.d.ts"
 * @import { Api } from "./api.js"
 */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Fires `change`, and `sent` with detail {entry, message}, where message is the API's answer. */
export class Outbox extends EventTarget {
  /** Whether the last attempt failed and another will follow. */
  isFailing = false;

  #listeners = new AbortController();
  #prefix;
  #pauseMs = 0;
  #timer = 0;
  #isSending = false;
  #isClosed = false;

  /**
   * @param {Person} me
   * @param {Api} api
   */
  constructor(me, api) {
    super();
    this.api = api;
    this.#prefix = `cruddur.outbox.${me.uuid}.`;
    const { signal } = this.#listeners;
    const stored = (/** @type {StorageEvent} */ event) => event.key?.startsWith(this.#prefix) && this.#changed();
    addEventListener("storage", stored, { signal });
    addEventListener("online", () => this.send(), { signal });
    addEventListener("offline", () => this.#changed(), { signal });
  }

  close() {
    this.#isClosed = true;
    this.#listeners.abort();
    clearTimeout(this.#timer);
  }

  /** Whether there are entries that will be lost with this tab. */
  get isLostWithTab() {
    return browserStorage.refuses(this.#prefix);
  }

  /**
   * All waiting entries, in the order they were written.
   *
   * @returns {OutboxEntry[]}
   */
  get entries() {
    return browserStorage
      .keys()
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => JSON.parse(browserStorage.get(key) ?? ""))
      .sort((one, other) => one.order - other.order);
  }

  /**
   * Stores a message and starts to send.
   *
   * @param {Recipient} recipient
   * @param {string} message
   */
  add(recipient, message) {
    const last = this.entries.at(-1)?.order ?? 0;
    this.#keep({
      ...recipient,
      message,
      message_uuid: crypto.randomUUID(),
      created_at: new Date().toISOString(),
      order: Math.max(Date.now(), last + 1),
    });
    this.send();
  }

  /**
   * Tries again now. With a message_uuid, tries that message even if the server refused it.
   *
   * @param {string} [message_uuid]
   */
  send(message_uuid) {
    const refused = this.entries.find((entry) => entry.message_uuid === message_uuid && entry.refused);
    if (refused) this.#keep({ ...refused, refused: undefined });
    clearTimeout(this.#timer);
    this.#pauseMs = 0;
    this.#attempt();
  }

  /** @param {string} message_uuid */
  discard(message_uuid) {
    browserStorage.remove(this.#prefix + message_uuid);
    this.#changed();
  }

  async #attempt() {
    if (this.#isSending || this.#isClosed || !navigator.onLine) return this.#changed();
    this.#isSending = true;
    try {
      // One tab at a time, so that the order holds. Without storage there are no locks, and each tab has its own messages.
      if (browserStorage.isBlocked) await this.#sendAll();
      else await navigator.locks.request(this.#prefix, () => this.#sendAll());
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
        browserStorage.remove(this.#prefix + message_uuid);
        this.dispatchEvent(new CustomEvent("sent", { detail: { entry, message: body } }));
      } catch (error) {
        if (!(error instanceof Refused) || error.isPassing) throw error;
        this.#keep({ ...entry, refused: error.message });
      }
      this.#changed();
    }
  }

  /** @param {OutboxEntry} entry */
  #keep(entry) {
    browserStorage.set(this.#prefix + entry.message_uuid, JSON.stringify(entry));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
