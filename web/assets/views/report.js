/** The dialog in which a person reports messages of another one. */

import { randomUuid } from "../cruddur-messages/index.js";
import { el } from "../dom.js";
import { ago } from "../format.js";
import { t } from "../texts.js";
import { showDialog } from "./dialogs.js";

/**
 * @import { Conversation, Message, NewReport } from "../cruddur-messages/types.js"
 * @import { Key } from "../texts.js"
 * @import { PageClient } from "../page_client.js"
 */

const MAX_MESSAGES = 20;
const MAX_COMMENT_LENGTH = 1_000;
/** @type {[NewReport["reason"], Key][]} */
const REASONS = [
  ["spam", "spam"],
  ["harassment", "harassment"],
  ["threat", "threat"],
  ["illegal", "illegal"],
  ["other", "other_reason"],
];

/**
 * Shows the dialog. Throws the errors of Api.get if it has to load messages.
 *
 * @param {PageClient} client
 * @param {Conversation} entry
 * @param {string} [message_uuid] of the message that is chosen at first
 */
export async function openReport(client, entry, message_uuid) {
  const { uuid: message_group_uuid, display_name: name } = entry;
  const boxes = (await reportable(client, entry)).map((message) => box(message, message.uuid === message_uuid));
  const inputs = boxes.map(([input]) => input);
  const chosen = () => inputs.filter(({ checked }) => checked);
  const onchange = () => {
    const isFull = chosen().length >= MAX_MESSAGES;
    for (const input of inputs) input.disabled = isFull && !input.checked;
  };
  const list = boxes.length ? boxes.map(([, label]) => label) : t("nothing_to_report");
  const legend = el("legend", {}, t("reported_messages", { count: MAX_MESSAGES }));
  const reason = el("select", { id: "reason" });
  reason.append(...REASONS.map(([value, key]) => el("option", { value }, t(key))));
  const comment = el("textarea", { id: "comment", rows: 2, maxLength: MAX_COMMENT_LENGTH, dir: "auto" });
  const report_uuid = randomUuid(); // a retry files nothing twice
  showDialog({
    heading: t("report_person", { name }),
    content: [
      el("p", {}, t("report_note", { name })),
      el("fieldset", { onchange }, legend, el("div", { className: "choices" }, list)),
      el("label", { htmlFor: "reason" }, t("reason")),
      reason,
      el("label", { htmlFor: "comment" }, t("comment")),
      comment,
    ],
    action: t("send_report"),
    run: async () => {
      const message_uuids = chosen().map(({ value }) => value);
      if (!message_uuids.length) throw new Error(t("nothing_chosen"));
      const details = { reason: /** @type {NewReport["reason"]} */ (reason.value), comment: comment.value.trim() };
      await client.report({ report_uuid, message_group_uuid, message_uuids, ...details });
      return t("report_sent");
    },
  });
}

/**
 * The other person's messages, the newest first: those in the store, or else the newest page.
 *
 * @param {PageClient} client
 * @param {Conversation} entry
 * @returns {Promise<Message[]>}
 */
async function reportable({ api, store }, { uuid, user_uuid }) {
  /** @type {Message[]} */
  const messages = store.threads.get(uuid)?.messages ?? (await api.get(`/api/messages/${uuid}?limit=50`)).body;
  return messages.filter((message) => message.user_uuid === user_uuid && !message.unsent_at).toReversed();
}

/**
 * @param {Message} message
 * @param {boolean} checked
 * @returns {[HTMLInputElement, HTMLElement]}
 */
function box({ uuid, created_at, message }, checked) {
  const input = el("input", { type: "checkbox", value: uuid, checked });
  const time = el("time", { className: "dim", dateTime: created_at }, ago(created_at));
  return [input, el("label", {}, input, el("span", { dir: "auto" }, message), time)];
}
