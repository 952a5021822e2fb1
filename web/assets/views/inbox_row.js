/** A conversation in the inbox. */

import { unread } from "../cruddur-messages/index.js";
import { avatar, el } from "../dom.js";
import { ago, badge, moment, today } from "../format.js";
import { t } from "../texts.js";

/** @import { Conversation } from "../cruddur-messages/types.js" */

export class InboxRow {
  #drawn = "";
  #drawnFace = "";

  /**
   * @param {string} uuid
   * @param {boolean} isSelected
   */
  constructor(uuid, isSelected) {
    this.face = el("span");
    this.name = el("b", { className: "name", dir: "auto" });
    this.time = el("time", { className: "dim" });
    this.preview = el("span", { className: "preview", dir: "auto" });
    this.count = el("span", { className: "badge" });
    this.link = el(
      "a",
      { href: `/messages/${uuid}`, className: "row" },
      this.face,
      el("span", { className: "line" }, this.name, this.time),
      el("span", { className: "line" }, this.preview, this.count),
    );
    this.element = el("li", {}, this.link);
    this.isSelected = isSelected;
  }

  set isSelected(/** @type {boolean} */ isSelected) {
    if (isSelected) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }

  /**
   * @param {Conversation} conversation
   * @param {boolean} isTyping
   */
  update(conversation, isTyping) {
    const { created_at } = conversation;
    const count = unread(conversation);
    const drawn = JSON.stringify([conversation, isTyping, ago(created_at), today()]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#drawFace(conversation);
    this.name.textContent = conversation.display_name;
    this.time.textContent = ago(created_at);
    this.time.dateTime = created_at;
    this.time.title = moment(created_at);
    this.preview.textContent = isTyping
      ? t("typing")
      : conversation.unsent
        ? t("unsent_message")
        : conversation.message;
    this.preview.classList.toggle("typing", isTyping);
    this.count.replaceChildren(
      ...(count ? [badge(count), el("span", { className: "unseen" }, ` ${t("unread")}`)] : []),
    );
    this.link.classList.toggle("has-unread", count > 0);
  }

  /** @param {Conversation} conversation */
  #drawFace(conversation) {
    const { display_name, handle, avatar: src } = conversation;
    const drawn = JSON.stringify([display_name, handle, src]);
    if (drawn === this.#drawnFace) return;
    this.#drawnFace = drawn;
    const face = avatar(conversation);
    this.face.replaceWith(face);
    this.face = face;
  }
}
