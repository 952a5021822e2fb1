/** Panes in place of a view. */

import { el, icon } from "../dom.js";

export function emptyPane() {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": "No conversation is open" },
    icon("talk"),
    el("p", {}, "Choose a conversation, or start a new one."),
    el("a", { className: "wide primary", href: "/messages/new" }, "New message"),
  );
}

/**
 * @param {string} text
 * @param {(value?: unknown) => void} tryAgain
 */
export function failedPane(text, tryAgain) {
  const button = { type: "button", className: "wide primary", onclick: () => tryAgain() };
  return alertPane(text, el("button", button, "Try again"));
}

/**
 * @param {string} text
 * @param {HTMLElement} action
 */
export function alertPane(text, action) {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": "Error" },
    icon("talk"),
    el("div", { role: "alert" }, el("h1", {}, text)),
    action,
  );
}
