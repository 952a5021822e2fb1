/** A bar in place of the composer, where nobody can write now, or above it. */

import { el } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";
import { askToBlock } from "./dialogs.js";

/**
 * @import { Conversation } from "../cruddur-messages/types.js"
 * @import { Key } from "../texts.js"
 * @import { PageClient } from "../page_client.js"
 */

/** @typedef {{ element: HTMLElement, canWrite: boolean }} ComposerBar canWrite: the composer stays below the bar */

/**
 * The bar of a conversation with somebody who is blocked, or asks to write, or has not answered; null if it needs none.
 * Throws the errors of Api.get.
 *
 * @param {PageClient} client
 * @param {Conversation} entry
 * @param {() => void} onleave after a request was declined
 * @returns {Promise<ComposerBar | null>}
 */
export async function composerBar(client, entry, onleave) {
  const { uuid, user_uuid, handle, display_name: name, blocked, folder } = entry;
  if (blocked) return bar(t("blocked_note", { name }), [["unblock", () => client.unblock(user_uuid)]]);
  if (folder === "requests") {
    const decline = async () => {
      await client.decline(uuid);
      onleave();
    };
    return bar(t("request_note", { name }), [
      ["accept", () => client.accept(uuid)],
      ["decline", decline],
      ["block", async () => askToBlock(client, entry, onleave)],
    ]);
  }
  const canWrite = await client.canWrite(handle);
  if (canWrite === "no") return bar(t("waiting_note", { name }));
  return canWrite === "request" ? { ...bar(t("will_be_request", { name })), canWrite: true } : null;
}

/**
 * A text with a button for each action. The first is the main one.
 *
 * @param {string} text
 * @param {[Key, () => Promise<unknown>][]} [actions]
 * @returns {ComposerBar}
 */
function bar(text, actions = []) {
  let isBusy = false;
  const error = el("p", { className: "error", role: "alert" });
  const run = async (/** @type {() => Promise<unknown>} */ action) => {
    if (isBusy) return;
    isBusy = true;
    error.textContent = "";
    try {
      await action();
    } catch (refusal) {
      error.textContent = sentence(refusal);
    }
    isBusy = false;
  };
  const buttons = actions.map(([key, action], index) => {
    const className = index ? "wide" : "wide primary";
    return el("button", { type: "button", className, onclick: () => run(action) }, t(key));
  });
  const content = [el("p", {}, text), buttons.length > 0 && el("div", { className: "buttons" }, buttons), error];
  return { element: el("div", { className: "composer-bar" }, ...content), canWrite: false };
}
