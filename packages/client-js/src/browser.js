/** The browser: its storage, which may be full or blocked by the person's settings, and its signals. */

import { Emitter } from "./emitter.js";
import { Platform } from "./platform.js";

/** @import { Storage } from "./types.js" */

/**
 * Keeps in the memory of this tab the values that the browser does not store. Fires `change` when isRefused changes.
 *
 * @extends {Emitter<{ change: void }>}
 * @implements {Storage}
 */
export class BrowserStorage extends Emitter {
  /** @type {Map<string, string>} */
  #refused = new Map();
  #area;

  /** @param {"localStorage" | "sessionStorage"} name */
  constructor(name) {
    super();
    this.#area = area(name);
    this.onForeignChange((key) => this.#keepInMemory(key, null)); // another tab has stored a newer value
  }

  /** Whether there are values that will be lost with this tab. */
  get isRefused() {
    return this.#refused.size > 0;
  }

  /**
   * Whether there are values under keys with this prefix that will be lost with this tab.
   *
   * @param {string} prefix
   */
  refuses(prefix) {
    return [...this.#refused.keys()].some((key) => key.startsWith(prefix));
  }

  keys() {
    return [...new Set([...Object.keys(this.#area ?? {}), ...this.#refused.keys()])];
  }

  /** @param {string} key */
  get(key) {
    return this.#refused.get(key) ?? this.#area?.getItem(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  set(key, value) {
    try {
      if (!this.#area) throw new Error("The browser gives no storage.");
      this.#area.setItem(key, value);
      this.#keepInMemory(key, null);
    } catch {
      this.#keepInMemory(key, value);
    }
  }

  /** @param {string} key */
  remove(key) {
    this.#area?.removeItem(key);
    this.#keepInMemory(key, null);
  }

  /**
   * Runs a task in one tab at a time. Without storage there are no locks, and each tab has its own values.
   *
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async alone(name, task) {
    return this.#area ? navigator.locks.request(name, task) : task();
  }

  /** @param {(key: string) => void} listener */
  onForeignChange(listener) {
    const stored = (/** @type {StorageEvent} */ { key, storageArea }) => {
      if (key && storageArea === this.#area) listener(key);
    };
    addEventListener("storage", stored);
    return () => removeEventListener("storage", stored);
  }

  /**
   * @param {string} key
   * @param {string | null} value null for none
   */
  #keepInMemory(key, value) {
    const wasRefused = this.isRefused;
    if (value === null) this.#refused.delete(key);
    else this.#refused.set(key, value);
    if (wasRefused !== this.isRefused) this.emit("change", undefined);
  }
}

/**
 * The platform of a page: one for all its clients. Without another storage, unsent messages stay in localStorage.
 *
 * @param {Storage} [storage]
 */
export function browser(storage = new BrowserStorage("localStorage")) {
  const platform = new Platform(storage);
  const update = () => {
    platform.isOnline = navigator.onLine;
    platform.isVisible = document.visibilityState === "visible";
  };
  update();
  for (const name of ["online", "offline"]) addEventListener(name, update);
  document.addEventListener("visibilitychange", update);
  for (const name of ["focus", "pointerdown", "keydown"]) addEventListener(name, () => platform.use());
  return platform;
}

/** @param {"localStorage" | "sessionStorage"} name */
function area(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}
