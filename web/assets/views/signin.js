/** Signing in: email and password, what Cognito asks beyond them, and on the local system demo people by one click. */

import { avatar, el } from "../dom.js";

const QUESTIONS = {
  totp: ["Code from your authenticator app", "one-time-code", "text"],
  setup: ["Add this key to an authenticator app, and type the code it shows", "one-time-code", "text"],
  new_password: ["Choose a new password", "new-password", "password"],
};

export class SignIn {
  heading = "Sign in";

  /** `done` is called once somebody is signed in. */
  constructor(session, done) {
    Object.assign(this, { session, done });
    this.email = field("Email", { type: "email", name: "email", autocomplete: "username", required: true });
    this.password = field("Password", {
      type: "password",
      name: "password",
      autocomplete: "current-password",
      required: true,
    });
    this.error = el("p", { className: "error", role: "alert" });
    this.button = el("button", { type: "submit", className: "wide primary" }, "Sign in");
    this.title = el("h1", { tabIndex: -1 }, "Messages");
    this.form = el(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.#signIn(this.email.input.value, this.password.input.value);
        },
      },
      this.email.element,
      this.password.element,
      this.button,
    );
    this.element = el(
      "main",
      { className: "signin" },
      el("div", { className: "card" }, logo(), this.title, this.form, this.error, this.#demo()),
    );
  }

  focus() {
    this.title.focus();
  }

  close() {}

  #demo() {
    const { demo } = this.session.config;
    if (!demo) return null;
    return el(
      "section",
      { className: "demo", "aria-labelledby": "demo-title" },
      el("h2", { id: "demo-title" }, "Or, on this machine, be"),
      el(
        "ul",
        {},
        demo.people.map((person) =>
          el(
            "li",
            {},
            el(
              "button",
              { type: "button", onclick: () => this.#signIn(person.email, demo.password) },
              avatar({ display_name: person.name, handle: person.handle }),
              el(
                "span",
                { className: "who" },
                el("b", {}, person.name),
                el("span", { className: "dim" }, `@${person.handle}`),
              ),
            ),
          ),
        ),
      ),
    );
  }

  async #signIn(email, password) {
    this.#busy(true);
    this.error.textContent = "";
    try {
      await this.session.signIn(email, password, (question, text) => this.#ask(question, text));
    } catch (error) {
      this.#busy(false);
      this.error.textContent = error.message;
      return;
    }
    this.done();
  }

  #busy(isBusy) {
    this.button.textContent = isBusy ? "Signing in …" : "Sign in";
    for (const button of this.element.querySelectorAll("button")) button.disabled = isBusy;
  }

  /** Puts a question in the form's place; answers with what was typed. */
  #ask(question, text) {
    const [label, autocomplete, type] = QUESTIONS[question];
    const { element, input } = field(label, { type, autocomplete, required: true });
    return new Promise((resolve) => {
      const form = el(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            form.replaceWith(this.form);
            resolve(input.value.trim());
          },
        },
        text ? el("code", { className: "secret" }, text) : null,
        element,
        el("button", { type: "submit", className: "wide primary" }, "Go on"),
      );
      this.form.replaceWith(form);
      input.focus();
    });
  }
}

function field(label, properties) {
  const input = el("input", properties);
  return { input, element: el("label", { className: "labelled" }, el("span", {}, label), input) };
}

function logo() {
  return el("img", { src: "/assets/icon.svg", alt: "", width: 56, height: 56 });
}
