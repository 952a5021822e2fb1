/** Panes in place of a view. */

import { el, icon } from "../dom.js";
import { t } from "../texts.js";

export function emptyPane() {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": t("no_conversation_open") },
    icon("talk"),
    el("p", {}, t("choose_conversation")),
    el("a", { className: "wide primary", href: "/messages/new" }, t("new_message")),
  );
}

/**
 * @param {string} text
 * @param {(value?: unknown) => void} tryAgain
 */
export function failedPane(text, tryAgain) {
  const button = { type: "button", className: "wide primary", onclick: () => tryAgain() };
  return alertPane(text, el("button", button, t("try_again")));
}

/**
 * @param {string} text
 * @param {HTMLElement} action
 */
export function alertPane(text, action) {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": t("error") },
    icon("talk"),
    el("div", { role: "alert" }, el("h1", {}, text)),
    action,
  );
}
