/** Messages that the server does not have yet. */

import { el, linkButton } from "../dom.js";
import { hasText, t } from "../texts.js";
import { bubble } from "./message.js";

/**
 * @import { OutboxEntry } from "../cruddur-messages/types.js"
 * @import { Outbox } from "../cruddur-messages/index.js"
 */

export class Outgoing {
  /** @type {Map<string, Pending>} By message_uuid. */
  #pending = new Map();

  /**
   * @param {Outbox} outbox
   * @param {(message_uuid: string) => { name: string, text: string } | null} [quote] the message that one replies to
   */
  constructor(outbox, quote = () => null) {
    this.outbox = outbox;
    this.quote = quote;
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
    const pending = new Pending(entry, this.outbox, entry.reply_to ? this.quote(entry.reply_to) : null);
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
   * @param {{ name: string, text: string } | null} quote
   */
  constructor(entry, outbox, quote) {
    this.outbox = outbox;
    this.note = el("p", { className: "mark", role: "status" });
    const drawn = bubble({ ...entry, display_name: "" }, true, { quote });
    this.element = el("div", { className: "pending" }, drawn, this.note);
  }

  /** @param {OutboxEntry} entry */
  update({ message_uuid, refused, refused_code = "" }) {
    const isFailed = Boolean(refused || (this.outbox.isFailing && navigator.onLine));
    const state = refused ?? (navigator.onLine ? (isFailed ? "failed" : "sending") : "offline");
    this.element.classList.toggle("failed", isFailed);
    if (this.#state === state) return;
    this.#state = state;
    if (state === "sending") this.note.replaceChildren(t("sending"));
    else if (state === "offline") this.note.replaceChildren(t("sent_when_online"));
    else {
      this.note.replaceChildren(
        `${refused ? t("not_sent_because", { reason: hasText(refused_code) ? t(refused_code) : refused }) : t("not_sent")} `,
        linkButton(t("send_again"), () => this.outbox.send(message_uuid)),
        ...(refused ? [" · ", linkButton(t("discard"), () => this.outbox.discard(message_uuid))] : []),
      );
    }
  }
}
