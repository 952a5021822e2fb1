/** Texts that a person has begun to write: one for each conversation, and for each handle that has none yet. */

import { browserStorage } from "./storage.js";

/** @import { Person } from "./cruddur-messages/types.js" */

/**
 * The key of a draft for somebody without a conversation. Otherwise the key is the conversation's uuid.
 *
 * @param {string} handle
 */
export const draftTo = (handle) => `@${handle.toLowerCase()}`;

export class Drafts {
  #prefix;

  /** @param {Person} me */
  constructor(me) {
    this.#prefix = `cruddur.draft.${me.uuid}.`;
  }

  /** Whether there are drafts that will be lost with this tab. */
  get isLostWithTab() {
    return browserStorage.refuses(this.#prefix);
  }

  /** @param {string} key */
  get(key) {
    return browserStorage.get(this.#prefix + key) ?? "";
  }

  /**
   * @param {string} key
   * @param {string} text "" for none
   */
  set(key, text) {
    if (text) browserStorage.set(this.#prefix + key, text);
    else browserStorage.remove(this.#prefix + key);
  }

  /**
   * Listens for drafts that another tab changes. Returns a function that ends it.
   *
   * @param {(key: string) => void} listener
   */
  onForeignChange(listener) {
    return browserStorage.onForeignChange((key) => {
      if (key.startsWith(this.#prefix)) listener(key.slice(this.#prefix.length));
    });
  }

  /**
   * Moves a draft to another key, below the one that is there. Returns whether there was one to move.
   *
   * @param {string} from
   * @param {string} to
   */
  move(from, to) {
    const text = this.get(from);
    if (!text) return false;
    this.set(to, [this.get(to), text].filter(Boolean).join("\n"));
    this.set(from, "");
    return true;
  }
}
