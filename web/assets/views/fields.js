/** Labelled fields of forms. */

import { el } from "../dom.js";
import { t } from "../texts.js";

const HANDLE = "[A-Za-z0-9][A-Za-z0-9_.\\-]{0,29}";
const MAX_NAME_LENGTH = 100;
const MIN_PASSWORD_LENGTH = 12;

/** @typedef {{ element: HTMLElement, input: HTMLInputElement }} Field */

/**
 * @param {string} label
 * @param {Record<string, any>} properties of the input, with a name
 * @param {string} [note] below the input
 * @returns {Field}
 */
export function field(label, properties, note) {
  const id = `field-${properties.name}`;
  const described = note ? `${id}-note` : null;
  const input = el("input", { id, required: true, dir: "auto", ...properties, "aria-describedby": described });
  const below = note && el("p", { className: "dim", id: described }, note);
  return { input, element: el("div", { className: "labelled" }, el("label", { htmlFor: id }, label), input, below) };
}

/** @param {string} [value] */
export function nameField(value = "") {
  return field(t("name"), { name: "name", autocomplete: "name", maxLength: MAX_NAME_LENGTH, value });
}

/** @param {string} [value] */
export function handleField(value = "") {
  const properties = {
    name: "handle",
    autocomplete: "nickname",
    autocapitalize: "none",
    spellcheck: false,
    dir: "ltr",
  };
  return field(t("handle"), { ...properties, pattern: HANDLE, value }, t("handle_note"));
}

/** @param {string} [value] */
export function emailField(value = "") {
  return field(t("email"), { name: "email", type: "email", autocomplete: "username", dir: "ltr", value });
}

/**
 * @param {string} label
 * @param {"current-password" | "new-password"} autocomplete
 */
export function passwordField(label, autocomplete) {
  const properties = { name: "password", type: "password", autocomplete, dir: "ltr" };
  if (autocomplete === "current-password") return field(label, properties);
  return field(label, { ...properties, minLength: MIN_PASSWORD_LENGTH }, t("password_note"));
}

/** @param {string} label */
export function codeField(label) {
  return field(label, { name: "code", autocomplete: "one-time-code", inputMode: "numeric", dir: "ltr" });
}
