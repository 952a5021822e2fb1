/**
 * Messages on their way. Each lies in localStorage from the moment it is written until the server has it, under a
 * message_uuid of its own, so that a reload, a lost answer or a second tab neither loses nor doubles it.
 */

import { Refused, Unreachable } from "./api.js";

const FIRST_PAUSE = 1_000; // milliseconds
const LONGEST_PAUSE = 30_000;

/** Fires `change`; and `sent` with detail {entry, message}, where message is what the API answers. */
export class Outbox extends EventTarget {
  #prefix;
  #pause = 0;
  #timer = null;
  #isSending = false;
  /** Whether the last attempt failed and another is to come. */
  isFailing = false;

  constructor(me, api) {
    super();
    this.api = api;
    this.#prefix = `cruddur.outbox.${me.uuid}.`;
    this.onstorage = (event) => event.key?.startsWith(this.#prefix) && this.#changed();
    this.ononline = () => this.send();
    this.onoffline = () => this.#changed();
    for (const name of ["storage", "online", "offline"]) addEventListener(name, this[`on${name}`]);
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.isClosed = true;
    for (const name of ["storage", "online", "offline"]) removeEventListener(name, this[`on${name}`]);
  }

  /**
   * All that wait, in the order they were written: {message_uuid, message, created_at, message_group_uuid or handle},
   * and `refused`, a sentence, where the server said no.
   */
  get entries() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => JSON.parse(localStorage.getItem(key)))
      .sort((one, other) => one.order - other.order);
  }

  /** Writes a message to `to`, {message_group_uuid} or {handle}, and begins to send. */
  add(to, message) {
    const last = this.entries.at(-1)?.order ?? 0;
    const entry = {
      ...to,
      message,
      message_uuid: crypto.randomUUID(),
      created_at: new Date().toISOString(),
      order: Math.max(Date.now(), last + 1),
    };
    this.#keep(entry);
    this.send();
    return entry;
  }

  /** Tries again now; with a message_uuid, that message even if it was refused. */
  send(message_uuid) {
    const refused = this.entries.find((entry) => entry.message_uuid === message_uuid && entry.refused);
    if (refused) this.#keep({ ...refused, refused: undefined });
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#pause = 0;
    this.#attempt();
  }

  /** Gives up on a message. */
  discard(message_uuid) {
    localStorage.removeItem(this.#prefix + message_uuid);
    this.#changed();
  }

  async #attempt() {
    if (this.#isSending || this.isClosed || !navigator.onLine) return this.#changed();
    this.#isSending = true;
    try {
      // One tab at a time, so that the order holds.
      await navigator.locks.request(this.#prefix, () => this.#sendAll());
      this.isFailing = false;
    } catch (error) {
      if (error.name === "SignedOut") return;
      this.isFailing = true;
      this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2 || FIRST_PAUSE);
      const pause = (error.retryAfter ?? 0) + this.#pause * (0.5 + Math.random() / 2);
      if (!this.isClosed) this.#timer = setTimeout(() => this.#attempt(), pause);
    } finally {
      this.#isSending = false;
      this.#changed();
    }
  }

  async #sendAll() {
    for (let entry; (entry = this.entries.find((one) => !one.refused)) && !this.isClosed; ) {
      const { message, message_uuid, message_group_uuid, handle } = entry;
      const to = message_group_uuid ? { message_group_uuid } : { handle };
      try {
        const { body } = await this.api.request("POST", "/api/messages", { ...to, message, message_uuid });
        localStorage.removeItem(this.#prefix + message_uuid);
        this.dispatchEvent(new CustomEvent("sent", { detail: { entry, message: body } }));
      } catch (error) {
        if (error instanceof Unreachable || !(error instanceof Refused) || error.isPassing) throw error;
        this.#keep({ ...entry, refused: error.message });
      }
      this.#changed();
    }
  }

  #keep(entry) {
    localStorage.setItem(this.#prefix + entry.message_uuid, JSON.stringify(entry));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
