/** The device that a client runs on. This one works everywhere, and forgets everything when it ends. */

import { Emitter } from "./emitter.js";

/** @import { Storage } from "./types.js" */

/** @implements {Storage} */
export class MemoryStorage {
  /** @type {Map<string, string>} */
  #values = new Map();

  keys() {
    return [...this.#values.keys()];
  }

  /** @param {string} key */
  get(key) {
    return this.#values.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  set(key, value) {
    this.#values.set(key, value);
  }

  /** @param {string} key */
  remove(key) {
    this.#values.delete(key);
  }
}

/**
 * Fires `online` and `visible` when isOnline and isVisible change, and `use` when somebody uses the device.
 *
 * @extends {Emitter<{ online: boolean, visible: boolean, use: void }>}
 */
export class Platform extends Emitter {
  #isOnline = true;
  #isVisible = true;

  /** @param {Storage} storage for unsent messages */
  constructor(storage = new MemoryStorage()) {
    super();
    this.storage = storage;
  }

  /** Whether the device has a network. */
  get isOnline() {
    return this.#isOnline;
  }

  set isOnline(isOnline) {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.emit("online", isOnline);
  }

  /** Whether somebody may be looking. */
  get isVisible() {
    return this.#isVisible;
  }

  set isVisible(isVisible) {
    if (this.#isVisible === isVisible) return;
    this.#isVisible = isVisible;
    this.emit("visible", isVisible);
  }

  /** Notes that somebody uses the device. A client that the server has replaced by newer ones connects again. */
  use() {
    this.emit("use", undefined);
  }
}
