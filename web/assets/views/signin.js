/** Signing in at Cognito, signing up, and a forgotten password; on the local system demo people by one click. */

import { cognitoSentence } from "../cognito_errors.js";
import { reloadIfReplaced } from "../config.js";
import { avatar, el, linkButton, nameAndHandle } from "../dom.js";
import { ProviderRefused } from "../errors.js";
import { signIn } from "../sign_in.js";
import { t } from "../texts.js";
import { Card } from "./card.js";
import { codeField, emailField, handleField, nameField, passwordField } from "./fields.js";

/**
 * @import { CognitoConfig } from "../../types.d.ts"
 * @import { Cognito } from "../cognito.js"
 * @import { Session } from "../session.js"
 */

export class SignIn {
  heading = t("sign_in");

  #email = "";
  #password = "";

  /**
   * @param {Session} session
   * @param {Cognito} cognito
   * @param {() => Promise<void>} ondone
   */
  constructor(session, cognito, ondone) {
    this.session = session;
    this.config = /** @type {CognitoConfig} */ (session.config);
    this.cognito = cognito;
    this.ondone = ondone;
    this.card = new Card(t("messages"), cognitoSentence);
    this.element = this.card.element;
    this.#showSignIn();
  }

  async open() {}

  close() {}

  focus() {
    this.card.focus();
  }

  // ------------------------------------------------------------ Signing in

  #showSignIn() {
    const email = emailField(this.#email);
    const password = passwordField(t("password"), "current-password");
    const { demo, sign_up } = this.config;
    this.card.show({
      fields: [email.element, password.element],
      action: t("sign_in"),
      onsubmit: () => this.#signIn(email.input.value.trim(), password.input.value),
      below: [
        el(
          "p",
          { className: "links" },
          linkButton(t("forgot_password"), () => this.#showForgotten(email.input.value)),
          sign_up && linkButton(t("create_account"), () => this.#showSignUp(email.input.value)),
        ),
        demo && this.#demo(demo),
      ],
    });
  }

  /** @param {NonNullable<CognitoConfig["demo"]>} demo */
  #demo({ people, password }) {
    const items = people.map(({ name, handle, email }) => {
      const person = { display_name: name, handle, avatar: null };
      const signIn = () => this.card.run(() => this.#signIn(email, password));
      return el("li", {}, el("button", { type: "button", onclick: signIn }, avatar(person), nameAndHandle(person)));
    });
    return el(
      "section",
      { className: "demo", "aria-labelledby": "demo-title" },
      el("h2", { id: "demo-title" }, t("sign_in_as")),
      el("ul", {}, items),
    );
  }

  /**
   * @param {string} email
   * @param {string} password
   */
  async #signIn(email, password) {
    this.#email = email;
    this.#password = password;
    try {
      this.session.start(
        await signIn(this.cognito, email, password, (question, secret) => this.#ask(question, secret)),
      );
    } catch (error) {
      if (error instanceof ProviderRefused && error.name === "UserNotConfirmedException") {
        await this.#sendCode();
        return this.#showConfirmation();
      }
      reloadIfReplaced(this.config);
      throw error;
    }
    await this.ondone();
  }

  /**
   * Asks a question of Cognito in place of the form. Returns the text that the person enters.
   *
   * @param {"totp" | "setup" | "new_password"} question
   * @param {string} [secret] shown above the question
   * @returns {Promise<string>}
   */
  async #ask(question, secret) {
    const { element, input } =
      question === "new_password"
        ? passwordField(t("new_password"), "new-password")
        : codeField(t(question === "totp" ? "totp" : "totp_setup"));
    await this.card.ask([secret ? el("code", { className: "secret" }, secret) : undefined, element], t("proceed"));
    return input.value.trim();
  }

  // ------------------------------------------------------------ Signing up

  /** @param {string} typed */
  #showSignUp(typed) {
    const name = nameField();
    const handle = handleField();
    const email = emailField(typed);
    const password = passwordField(t("password"), "new-password");
    this.card.show({
      fields: [name, handle, email, password].map((field) => field.element),
      action: t("create_account"),
      onsubmit: async () => {
        this.#email = email.input.value.trim();
        this.#password = password.input.value;
        await this.#signUp(handle.input.value, name.input.value);
      },
      below: [this.#back()],
    });
  }

  /**
   * @param {string} handle
   * @param {string} name
   */
  async #signUp(handle, name) {
    const attributes = { email: this.#email, preferred_username: handle, name };
    const { UserConfirmed } = await this.cognito.call("SignUp", {
      ...this.#account,
      Password: this.#password,
      UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
    });
    if (UserConfirmed) await this.#signIn(this.#email, this.#password);
    else this.#showConfirmation();
  }

  async #sendCode() {
    await this.cognito.call("ResendConfirmationCode", this.#account);
  }

  #showConfirmation() {
    const code = codeField(t("code_from_email"));
    this.card.show({
      note: t("code_sent", { address: this.#email }),
      fields: [code.element],
      action: t("proceed"),
      onsubmit: () => this.#confirm(code.input.value.trim()),
      below: [this.#below(() => this.#sendCode())],
    });
  }

  /** @param {string} code */
  async #confirm(code) {
    await this.cognito.call("ConfirmSignUp", { ...this.#account, ConfirmationCode: code });
    await this.#signIn(this.#email, this.#password);
  }

  // ------------------------------------------------------------ A forgotten password

  /** @param {string} typed */
  #showForgotten(typed) {
    const email = emailField(typed);
    this.card.show({
      fields: [email.element],
      action: t("send_code"),
      onsubmit: async () => {
        this.#email = email.input.value.trim();
        await this.#sendResetCode();
        this.#showReset();
      },
      below: [this.#back()],
    });
  }

  async #sendResetCode() {
    await this.cognito.call("ForgotPassword", this.#account);
  }

  #showReset() {
    const code = codeField(t("code_from_email"));
    const password = passwordField(t("new_password"), "new-password");
    this.card.show({
      note: t("code_sent", { address: this.#email }),
      fields: [code.element, password.element],
      action: t("proceed"),
      onsubmit: () => this.#reset(code.input.value.trim(), password.input.value),
      below: [this.#below(() => this.#sendResetCode())],
    });
  }

  /**
   * @param {string} code
   * @param {string} password
   */
  async #reset(code, password) {
    const answer = { ConfirmationCode: code, Password: password };
    await this.cognito.call("ConfirmForgotPassword", { ...this.#account, ...answer });
    await this.#signIn(this.#email, password);
  }

  // ------------------------------------------------------------ Parts

  get #account() {
    return { ClientId: this.cognito.clientId, Username: this.#email };
  }

  /** @param {() => Promise<void>} sendCode */
  #below(sendCode) {
    const sendAgain = async () => {
      await sendCode();
      this.card.note.textContent = t("new_code_sent", { address: this.#email });
    };
    const again = linkButton(t("new_code"), () => this.card.run(sendAgain));
    return el("p", { className: "links" }, again, this.#back());
  }

  #back() {
    return linkButton(t("back_to_sign_in"), () => this.#showSignIn());
  }
}
