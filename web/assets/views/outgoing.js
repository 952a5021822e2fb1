/** Messages that the server does not have yet. */

import { el, linkButton } from "../dom.js";
import { bubble } from "./message.js";

/**
 * @import { OutboxEntry } from "../cruddur-messages/types.js"
 * @import { Outbox } from "../cruddur-messages/index.js"
 */

export class Outgoing {
  /** @type {Map<string, Pending>} By message_uuid. */
  #pending = new Map();

  /** @param {Outbox} outbox */
  constructor(outbox) {
    this.outbox = outbox;
    this.element = el("div", { className: "run" });
  }

  /**
   * Shows these entries of the outbox and no others.
   *
   * @param {OutboxEntry[]} entries
   */
  update(entries) {
    const wanted = new Set(entries.map((entry) => entry.message_uuid));
    for (const [uuid, pending] of this.#pending) {
      if (wanted.has(uuid)) continue;
      pending.element.remove();
      this.#pending.delete(uuid);
    }
    for (const entry of entries) this.#show(entry).update(entry);
  }

  /** @param {OutboxEntry} entry */
  #show(entry) {
    const shown = this.#pending.get(entry.message_uuid);
    if (shown) return shown;
    const pending = new Pending(entry, this.outbox);
    this.#pending.set(entry.message_uuid, pending);
    this.element.append(pending.element);
    return pending;
  }
}

class Pending {
  #state = "";

  /**
   * @param {OutboxEntry} entry
   * @param {Outbox} outbox
   */
  constructor(entry, outbox) {
    this.outbox = outbox;
    this.note = el("p", { className: "mark", role: "status" });
    this.element = el("div", { className: "pending" }, bubble({ ...entry, display_name: "" }, true), this.note);
  }

  /** @param {OutboxEntry} entry */
  update({ message_uuid, refused }) {
    const isFailed = Boolean(refused || (this.outbox.isFailing && navigator.onLine));
    const state = refused ?? (navigator.onLine ? (isFailed ? "failed" : "sending") : "offline");
    this.element.classList.toggle("failed", isFailed);
    if (this.#state === state) return;
    this.#state = state;
    if (state === "sending") this.note.replaceChildren("Sending …");
    else if (state === "offline") this.note.replaceChildren("Will be sent when you are back online");
    else {
      this.note.replaceChildren(
        refused ? `Not sent: ${refused} ` : "Not sent. ",
        linkButton("Send again", () => this.outbox.send(message_uuid)),
        ...(refused ? [" · ", linkButton("Discard", () => this.outbox.discard(message_uuid))] : []),
      );
    }
  }
}
