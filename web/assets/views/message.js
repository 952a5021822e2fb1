/** Messages as they are drawn, those that are on their way among them. */

import { el } from "../dom.js";
import { clock, moment, pieces } from "../format.js";

/** A message as it is drawn. */
export function bubble(message, isMine, joins) {
  return el(
    "article",
    { className: `message${isMine ? " mine" : ""}${joins ? " joins" : ""}` },
    el(
      "div",
      { className: "bubble" },
      el("span", { className: "unseen" }, isMine ? "You: " : `${message.display_name}: `),
      el("p", { className: "text", dir: "auto" }, pieces(message.message).map(piece)),
      el("time", { dateTime: message.created_at, title: moment(message.created_at) }, clock(message.created_at)),
    ),
  );
}

function piece({ text, href }) {
  if (!href) return text;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" }, text);
}

class Pending {
  constructor(entry, outbox) {
    this.outbox = outbox;
    this.note = el("p", { className: "mark", role: "status" });
    this.element = el("div", { className: "pending" }, bubble({ ...entry, display_name: "" }, true, false), this.note);
  }

  update({ message_uuid, refused }) {
    const isFailed = Boolean(refused || (this.outbox.isFailing && navigator.onLine));
    const state = refused ?? (navigator.onLine ? (isFailed ? "failed" : "sending") : "offline");
    this.element.classList.toggle("failed", isFailed);
    if (this.state === state) return;
    this.state = state;
    const button = (label, action) => el("button", { type: "button", className: "link", onclick: action }, label);
    if (state === "sending") this.note.replaceChildren("Sending …");
    else if (state === "offline") this.note.replaceChildren("Will be sent when you are back online");
    else {
      this.note.replaceChildren(
        refused ? `Not sent: ${refused} ` : "Not sent. ",
        button("Send again", () => this.outbox.send(message_uuid)),
        ...(refused ? [" · ", button("Discard", () => this.outbox.discard(message_uuid))] : []),
      );
    }
  }
}

/** The messages that the server does not have yet. */
export class Outgoing {
  #pending = new Map();

  constructor(outbox) {
    this.outbox = outbox;
    this.element = el("div", { className: "run" });
  }

  /** Shows these entries of the outbox and no others. */
  update(entries) {
    const wanted = new Set(entries.map((entry) => entry.message_uuid));
    for (const [uuid, pending] of this.#pending) {
      if (wanted.has(uuid)) continue;
      pending.element.remove();
      this.#pending.delete(uuid);
    }
    for (const entry of entries) {
      const { message_uuid } = entry;
      if (!this.#pending.has(message_uuid)) {
        const pending = new Pending(entry, this.outbox);
        this.#pending.set(message_uuid, pending);
        this.element.append(pending.element);
      }
      this.#pending.get(message_uuid).update(entry);
    }
  }
}
