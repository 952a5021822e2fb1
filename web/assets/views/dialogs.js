/** Modal dialogs: a form that does something once, or says why not. */

import { el } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";

/**
 * @import { Child } from "../dom.js"
 * @import { Conversation } from "../cruddur-messages/types.js"
 * @import { PageClient } from "../page_client.js"
 */

/**
 * Shows a dialog. It closes after its action, unless that throws an error, which it shows, or returns a last text.
 *
 * @param {object} options
 * @param {string} options.heading
 * @param {Child[]} options.content
 * @param {string} options.action on the button
 * @param {() => Promise<string | void>} options.run the action
 */
export function showDialog({ heading, content, action, run }) {
  const title = el("h2", { id: "dialog-title" }, heading);
  const error = el("p", { className: "error", role: "alert" });
  const submit = el("button", { type: "submit", className: "wide danger" }, action);
  const cancel = el("button", { type: "button", className: "wide", onclick: () => dialog.close() }, t("cancel"));
  const onsubmit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    error.textContent = "";
    try {
      const result = await run();
      if (!result) return dialog.close();
      cancel.textContent = t("close");
      form.replaceChildren(title, el("p", { role: "status" }, result), el("div", { className: "buttons" }, cancel));
      cancel.focus();
    } catch (refusal) {
      error.textContent = sentence(refusal);
      submit.disabled = false;
      submit.focus();
    }
  };
  const form = el("form", { onsubmit }, title, ...content, error, el("div", { className: "buttons" }, cancel, submit));
  const dialog = el("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Blocking somebody who sends a request declines it, too, and then leaves its view.
 *
 * @param {PageClient} client
 * @param {Conversation} entry
 * @param {() => void} onleave
 */
export function askToBlock(client, { uuid, folder, display_name: name, user_uuid }, onleave) {
  showDialog({
    heading: t("block_person", { name }),
    content: [el("p", {}, t("block_note", { name }))],
    action: t("block_now"),
    run: async () => {
      await client.block(user_uuid);
      if (folder !== "requests") return;
      await client.decline(uuid);
      onleave();
    },
  });
}

/**
 * @param {PageClient} client
 * @param {Conversation} entry
 * @param {() => void} onleave
 */
export function askToLeave(client, { uuid, display_name: name }, onleave) {
  showDialog({
    heading: t("leave_person", { name }),
    content: [el("p", {}, t("leave_note", { name }))],
    action: t("leave_now"),
    run: async () => {
      await client.leave(uuid);
      onleave();
    },
  });
}
