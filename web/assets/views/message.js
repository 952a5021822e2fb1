/** A message as it is drawn. */

import { el } from "../dom.js";
import { clock, moment, pieces } from "../format.js";

/**
 * @param {{ message: string, created_at: string, display_name: string }} message
 * @param {boolean} isMine
 * @param {boolean} joins whether it is one block with the message before it
 */
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

/** @param {{ text: string, href?: string }} piece */
function piece({ text, href }) {
  if (!href) return text;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" }, text);
}
