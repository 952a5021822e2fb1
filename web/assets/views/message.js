/** A message as it is drawn. */

import { el } from "../dom.js";
import { clock, moment, pieces } from "../format.js";
import { t } from "../texts.js";

/** @typedef {{ message: string, created_at: string, display_name: string }} Drawn */

/**
 * @param {Drawn} message
 * @param {boolean} isMine
 */
export function bubble(message, isMine) {
  const article = el(
    "article",
    { className: `message${isMine ? " mine" : ""}` },
    el(
      "div",
      { className: "bubble" },
      el("span", { className: "unseen" }, `${isMine ? t("you_said") : t("said_by", { name: message.display_name })} `),
      el("p", { className: "text", dir: "auto" }, pieces(message.message).map(piece)),
      el("time", { dateTime: message.created_at }),
    ),
  );
  updateTime(article, message);
  return article;
}

/**
 * Shows the time of a message in the reader's time zone.
 *
 * @param {HTMLElement} article
 * @param {Drawn} message
 */
export function updateTime(article, { created_at }) {
  const time = article.querySelector("time");
  if (!time) return;
  time.title = moment(created_at);
  time.textContent = clock(created_at);
}

/** @param {{ text: string, href?: string }} piece */
function piece({ text, href }) {
  if (!href) return text;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" }, text);
}
