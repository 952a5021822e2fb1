/** A message as it is drawn. */

import { el, icon } from "../dom.js";
import { clock, moment, pieces } from "../format.js";
import { t } from "../texts.js";

/** @import { Reaction } from "../cruddur-messages/types.js" */

/**
 * @typedef {object} Drawn
 * @property {string} message
 * @property {string} created_at
 * @property {string} display_name
 * @property {string} [edited_at]
 * @property {string} [unsent_at]
 * @property {Reaction[]} [reactions]
 */

/**
 * @typedef {object} Extras
 * @property {{ name: string, text: string } | null} [quote] the message that it replies to
 * @property {string} [me] the reader's user_uuid. With it, the message has a button for its actions
 * @property {boolean} [isUndoable] whether the message is about to be unsent
 */

/**
 * @param {Drawn} message
 * @param {boolean} isMine
 * @param {Extras} [extras]
 */
export function bubble(message, isMine, extras) {
  const article = el("article", { className: `message${isMine ? " mine" : ""}`, tabIndex: -1 });
  draw(article, message, isMine, extras);
  return article;
}

/**
 * Draws a message into its article. Each button names its action in `data-action`, and keeps the focus.
 *
 * @param {HTMLElement} article
 * @param {Drawn} message
 * @param {boolean} isMine
 * @param {Extras} [extras]
 */
export function draw(article, message, isMine, { quote, me, isUndoable } = {}) {
  const { activeElement } = document;
  const focused = activeElement instanceof HTMLElement && article.contains(activeElement) && activeElement;
  const { unsent_at, edited_at, reactions = [] } = message;
  article.classList.toggle("unsent", Boolean(unsent_at));
  const text = unsent_at ? t("unsent_message") : pieces(message.message).map(piece);
  const undo = isUndoable && [" ", action("undo", "link", t("undo"))];
  article.replaceChildren(
    el(
      "div",
      { className: "bubble" },
      el("span", { className: "unseen" }, `${isMine ? t("you_said") : t("said_by", { name: message.display_name })} `),
      quote && quoteButton(quote),
      el("p", { className: "text", dir: "auto" }, text, undo),
      el("span", { className: "meta" }, edited_at && `${t("edited")} `, el("time", { dateTime: message.created_at })),
      me && reactions.length > 0 && el("div", { className: "reactions" }, reactions.map(reactionButton(me))),
    ),
    me ? action("more", "round more", icon("more"), { "aria-label": t("actions"), "aria-haspopup": "dialog" }) : "",
  );
  updateTime(article, message);
  if (focused && focused !== article) {
    const { action } = focused.dataset;
    const again = article.querySelector(`[data-action="${CSS.escape(action ?? "")}"]`) ?? article;
    /** @type {HTMLElement} */ (again).focus({ preventScroll: true });
  }
}

/**
 * Shows the time of a message in the reader's time zone.
 *
 * @param {HTMLElement} article
 * @param {Pick<Drawn, "created_at">} message
 */
export function updateTime(article, { created_at }) {
  const time = article.querySelector("time");
  if (!time) return;
  time.title = moment(created_at);
  time.textContent = clock(created_at);
}

/**
 * @param {string} name
 * @param {string} className
 * @param {Node | string | Node[]} content
 * @param {Record<string, string>} [properties]
 */
function action(name, className, content, properties = {}) {
  return el("button", { type: "button", className, "data-action": name, ...properties }, content);
}

/** @param {{ name: string, text: string }} quote */
function quoteButton({ name, text }) {
  return action("quote", "quote", [el("b", { dir: "auto" }, name), el("span", { dir: "auto" }, text)]);
}

/** @param {string} me */
const reactionButton =
  (me) =>
  (/** @type {Reaction} */ { emoji, user_uuids }) =>
    action(`react ${emoji}`, "reaction", user_uuids.length > 1 ? `${emoji} ${user_uuids.length}` : emoji, {
      "aria-pressed": String(user_uuids.includes(me)),
    });

/** @param {{ text: string, href?: string }} piece */
function piece({ text, href }) {
  if (!href) return text;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" }, text);
}
