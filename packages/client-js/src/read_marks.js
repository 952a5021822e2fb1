/** How far this person has read, on its way to the server. */

import { Refused } from "./api.js";
import { deduped } from "./deduped.js";

/** @import { Api } from "./api.js" */

export class ReadMarks {
  #dedupe = deduped();
  /** @type {Map<string, number>} The seq to send, by conversation. */
  #unsent = new Map();

  /** @param {Api} api */
  constructor(api) {
    this.api = api;
  }

  /**
   * @param {string} uuid
   * @param {number} seq
   */
  add(uuid, seq) {
    this.#unsent.set(uuid, seq);
    this.send();
  }

  /** Sends every unsent mark. One that fails waits for the next call. */
  send() {
    return this.#dedupe("send", () => this.#send());
  }

  async #send() {
    for (const [uuid, seq] of this.#unsent) {
      try {
        await this.api.request("PUT", `/api/message_groups/${uuid}/read`, { seq });
      } catch (error) {
        if (!(error instanceof Refused) || error.isPassing) return;
      }
      if (this.#unsent.get(uuid) === seq) this.#unsent.delete(uuid);
    }
  }
}
