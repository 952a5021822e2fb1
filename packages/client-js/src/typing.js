/** Shows that the other person is typing, and tells them that this person is. */

/**
 * @import { Frame } from "./types.js"
 * @import { Store } from "./store.js"
 */

const SHOWN_MS = 5_000;
const SEND_EVERY_MS = 3_000; // the server relays no more

export class Typing {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} Timers by conversation. */
  #timers = new Map();
  #sentAt = 0;

  /**
   * @param {Store} store
   * @param {(frame: Frame) => void} send
   */
  constructor(store, send) {
    this.store = store;
    this.send = send;
  }

  /** @param {string} message_group_uuid */
  tell(message_group_uuid) {
    if (Date.now() - this.#sentAt < SEND_EVERY_MS) return;
    this.#sentAt = Date.now();
    this.send({ type: "typing", message_group_uuid });
  }

  /** @param {string} uuid */
  show(uuid) {
    clearTimeout(this.#timers.get(uuid));
    this.store.setTyping(uuid, true);
    this.#timers.set(
      uuid,
      setTimeout(() => this.store.setTyping(uuid, false), SHOWN_MS),
    );
  }
}
