/** The browser's storage, which may be full, or blocked by the person's settings. */

/** Keeps in the memory of this tab the values that the browser does not store. Fires `change` when isRefused changes. */
class SafeStorage extends EventTarget {
  /** @type {Map<string, string>} */
  #refused = new Map();
  #area;

  /** @param {"localStorage" | "sessionStorage"} name */
  constructor(name) {
    super();
    this.#area = area(name);
    // Another tab has stored a newer value.
    addEventListener("storage", ({ key, storageArea }) => {
      if (key && storageArea === this.#area) this.#keepInMemory(key, null);
    });
  }

  /** Whether the browser gives the page no storage at all. */
  get isBlocked() {
    return !this.#area;
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
   * @param {string} key
   * @param {string | null} value null for none
   */
  #keepInMemory(key, value) {
    const wasRefused = this.isRefused;
    if (value === null) this.#refused.delete(key);
    else this.#refused.set(key, value);
    if (wasRefused !== this.isRefused) this.dispatchEvent(new Event("change"));
  }
}

/** Shared by all tabs, and kept when they are closed. */
export const browserStorage = new SafeStorage("localStorage");
/** Of this tab. */
export const tabStorage = new SafeStorage("sessionStorage");

/** @param {"localStorage" | "sessionStorage"} name */
function area(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}
