/** The menu of a conversation: what its owner decides about it, for all their devices. */

import { isMuted } from "../cruddur-messages/index.js";
import { announce, el } from "../dom.js";
import { sentence } from "../errors.js";
import { t } from "../texts.js";
import { askToBlock, askToLeave } from "./dialogs.js";
import { showMenu } from "./menu.js";
import { openReport } from "./report.js";

/**
 * @import { SettingsChange } from "../cruddur-messages/types.js"
 * @import { Key } from "../texts.js"
 * @import { PageClient } from "../page_client.js"
 */

/** @typedef {[Key, () => void]} Item */

const HOUR_MS = 3_600_000;
/** @type {[Key, number][]} Of these hours. */
const MUTE_HOURS = [
  ["one_hour", 1],
  ["eight_hours", 8],
  ["one_week", 168],
];

/**
 * @param {object} options
 * @param {PageClient} options.client
 * @param {string} options.uuid
 * @param {Element} options.anchor that the menu is beside
 * @param {() => void} options.onleave shows the list of conversations in place of this one
 */
export function openConversationMenu({ client, uuid, anchor, onleave }) {
  const entry = client.store.conversations.get(uuid);
  if (!entry) return;
  const { display_name: name, user_uuid, folder, blocked } = entry;
  const pinned = client.store.pins.includes(uuid);
  const isRequest = folder === "requests";
  const leave = () => client.sync.openUuid === uuid && onleave();
  const run = (/** @type {Promise<unknown>} */ action) => finish(anchor, action);
  const set = (/** @type {SettingsChange} */ change) => run(client.changeMessageGroup(uuid, change));
  const mute = () => {
    const items = MUTE_HOURS.map(([key, hours]) => {
      return /** @type {Item} */ ([key, () => set({ muted_until: timeAfter(hours) })]);
    });
    showItems(anchor, t("mute_for"), [...items, ["for_ever", () => set({ muted_until: "forever" })]]);
  };
  const markUnread = () => {
    leave(); // a window that shows the conversation would mark it as read again
    set({ marked_unread: true });
  };
  /** @type {Item[]} */
  const settings = [
    isMuted(entry) ? ["unmute", () => set({ muted_until: null })] : ["mute", mute],
    folder === "archive" ? ["to_inbox", () => set({ archived: false })] : ["to_archive", () => set({ archived: true })],
    ...(folder === "inbox" ? [/** @type {Item} */ ([pinned ? "unpin" : "pin", () => set({ pinned: !pinned })])] : []),
    ["mark_unread", markUnread],
  ];
  showItems(anchor, t("actions_with", { name }), [
    ...(isRequest ? [] : settings),
    blocked ? ["unblock", () => run(client.unblock(user_uuid))] : ["block", () => askToBlock(client, entry, leave)],
    ["report", () => openReport(client, entry).catch((error) => showError(anchor, error))],
    ...(isRequest ? [] : [/** @type {Item} */ (["leave", () => askToLeave(client, entry, leave)])]),
  ]);
}

/**
 * The time after so many hours, in the form of the API.
 *
 * @param {number} hours
 */
const timeAfter = (hours) => new Date(Date.now() + hours * HOUR_MS).toISOString().replace("Z", "000+00:00");

/**
 * @param {Element} anchor
 * @param {string} label
 * @param {Item[]} items
 */
function showItems(anchor, label, items) {
  const buttons = items.map(([key, action]) => {
    const onclick = () => {
      menu.hidePopover();
      action();
    };
    return el("button", { type: "button", role: "menuitem", onclick }, t(key));
  });
  const menu = showMenu(anchor, { role: "menu", "aria-label": label }, buttons);
}

/**
 * Says that an action is done, or beside an element why it is not.
 *
 * @param {Element} anchor
 * @param {Promise<unknown>} action
 */
async function finish(anchor, action) {
  try {
    await action;
    announce(t("saved"));
  } catch (error) {
    showError(anchor, error);
  }
}

/**
 * @param {Element} anchor
 * @param {unknown} error
 */
function showError(anchor, error) {
  showMenu(anchor, { role: "alert" }, el("p", { className: "note" }, t("not_changed", { reason: sentence(error) })));
}
