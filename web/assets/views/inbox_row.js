/** A conversation in the inbox. */

import { isMuted, unread } from "../cruddur-messages/index.js";
import { avatar, el, icon } from "../dom.js";
import { ago, badge, moment, today } from "../format.js";
import { t } from "../texts.js";

/**
 * @import { Conversation } from "../cruddur-messages/types.js"
 * @import { Icon } from "../dom.js"
 * @import { Key } from "../texts.js"
 */

export class InboxRow {
  #drawn = "";
  #drawnFace = "";

  /**
   * @param {string} uuid
   * @param {boolean} isSelected
   * @param {(anchor: Element) => void} onmenu opens the conversation's menu
   */
  constructor(uuid, isSelected, onmenu) {
    this.face = el("span");
    this.name = el("b", { className: "name", dir: "auto" });
    this.marks = el("span", { className: "marks dim" });
    this.time = el("time", { className: "dim" });
    this.preview = el("span", { className: "preview", dir: "auto" });
    this.count = el("span", { className: "badge" });
    this.link = el(
      "a",
      { href: `/messages/${uuid}`, className: "row" },
      this.face,
      el("span", { className: "line" }, this.name, this.marks, this.time),
      el("span", { className: "line" }, this.preview, this.count),
    );
    this.menu = el(
      "button",
      { type: "button", className: "round more", "aria-haspopup": "menu", onclick: () => onmenu(this.menu) },
      icon("more"),
    );
    this.element = el("li", {}, this.link, this.menu);
    this.isSelected = isSelected;
  }

  set isSelected(/** @type {boolean} */ isSelected) {
    if (isSelected) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }

  /**
   * @param {Conversation} conversation
   * @param {{ isTyping: boolean, isPinned: boolean }} state
   */
  update(conversation, { isTyping, isPinned }) {
    const { created_at, blocked, marked_unread } = conversation;
    const count = unread(conversation);
    const muted = isMuted(conversation);
    const drawn = JSON.stringify([conversation, isPinned, muted, isTyping, ago(created_at), today()]);
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
    this.menu.setAttribute("aria-label", t("actions_with", { name: conversation.display_name }));
    this.marks.replaceChildren(
      ...(isPinned ? mark("pin", "pinned") : []),
      ...(muted ? mark("mute", "muted") : []),
      ...(blocked ? mark("block", "blocked") : []),
    );
    const isUnread = count > 0 || marked_unread;
    const number = count ? `${badge(count)} ` : "";
    this.count.replaceChildren(...(isUnread ? [number, el("span", { className: "unseen" }, t("unread"))] : []));
    this.count.classList.toggle("dot", isUnread && !count);
    this.link.classList.toggle("has-unread", isUnread);
    this.link.classList.toggle("is-muted", muted);
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

/**
 * A state of the conversation, as an icon and for screen readers.
 *
 * @param {Icon} name
 * @param {Key} key
 */
const mark = (name, key) => [icon(name), el("span", { className: "unseen" }, ` ${t(key)} `)];
