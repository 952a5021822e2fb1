/** Signing in: email and password, Cognito's further questions, and on the local system demo people by one click. */

import { reloadIfReplaced } from "../config.js";
import { avatar, el, nameAndHandle } from "../dom.js";
import { signIn } from "../sign_in.js";

/**
 * @import { Config } from "../../types.d.ts"
 * @import { Session } from "../session.js"
 */

const LOGO = new URL("../icon.svg", import.meta.url).href;
const QUESTIONS = {
  totp: { label: "Code from your authenticator app", autocomplete: "one-time-code", type: "text" },
  setup: {
    label: "Add this key to an authenticator app, then enter the code it shows",
    autocomplete: "one-time-code",
    type: "text",
  },
  new_password: { label: "Choose a new password", autocomplete: "new-password", type: "password" },
};

export class SignIn {
  heading = "Sign in";

  /**
   * @param {Session} session
   * @param {() => Promise<void>} ondone
   */
  constructor(session, ondone) {
    this.session = session;
    this.ondone = ondone;
    const email = labelled("Email", { type: "email", name: "email", autocomplete: "username", required: true });
    const password = labelled("Password", {
      type: "password",
      name: "password",
      autocomplete: "current-password",
      required: true,
    });
    this.error = el("p", { className: "error", role: "alert" });
    this.button = el("button", { type: "submit", className: "wide primary" }, "Sign in");
    this.title = el("h1", { tabIndex: -1 }, "Messages");
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#signIn(email.input.value.trim(), password.input.value);
    };
    this.form = el("form", { onsubmit: submit }, email.element, password.element, this.button);
    const logo = el("img", { src: LOGO, alt: "", width: 56, height: 56 });
    const { demo } = session.config;
    const card = el("div", { className: "card" }, logo, this.title, this.form, this.error);
    if (demo) card.append(this.#demo(demo));
    this.element = el("main", { className: "signin" }, card);
  }

  async open() {}

  close() {}

  focus() {
    this.title.focus();
  }

  /** @param {NonNullable<Config["demo"]>} demo */
  #demo({ people, password }) {
    const items = people.map(({ name, handle, email }) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", onclick: () => this.#signIn(email, password) },
          avatar({ display_name: name, handle }),
          nameAndHandle({ display_name: name, handle }),
        ),
      ),
    );
    return el(
      "section",
      { className: "demo", "aria-labelledby": "demo-title" },
      el("h2", { id: "demo-title" }, "Or sign in as"),
      el("ul", {}, items),
    );
  }

  /**
   * @param {string} email
   * @param {string} password
   */
  async #signIn(email, password) {
    this.#setBusy(true);
    this.error.textContent = "";
    try {
      const { cognito } = this.session;
      this.session.start(await signIn(cognito, email, password, (question, secret) => this.#ask(question, secret)));
      await this.ondone();
    } catch (error) {
      this.#setBusy(false);
      this.error.textContent = /** @type {Error} */ (error).message;
      reloadIfReplaced(this.session.config);
    }
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.button.textContent = isBusy ? "Signing in …" : "Sign in";
    for (const button of this.element.querySelectorAll("button")) button.disabled = isBusy;
  }

  /**
   * Asks a question in place of the form. Returns the text that the person enters.
   *
   * @param {keyof typeof QUESTIONS} question
   * @param {string} [secret] shown above the question
   * @returns {Promise<string>}
   */
  #ask(question, secret) {
    const { label, ...properties } = QUESTIONS[question];
    const { element, input } = labelled(label, { ...properties, required: true });
    return new Promise((resolve) => {
      const submit = (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        form.replaceWith(this.form);
        resolve(input.value.trim());
      };
      const form = el(
        "form",
        { onsubmit: submit },
        secret ? el("code", { className: "secret" }, secret) : null,
        element,
        el("button", { type: "submit", className: "wide primary" }, "Continue"),
      );
      this.form.replaceWith(form);
      input.focus();
    });
  }
}

/**
 * @param {string} label
 * @param {Record<string, any>} properties
 */
function labelled(label, properties) {
  const input = el("input", properties);
  return { input, element: el("label", { className: "labelled" }, el("span", {}, label), input) };
}
