/** Signing in at another identity provider, on its own page. */

import { sentence } from "../errors.js";
import { t } from "../texts.js";
import { Card } from "./card.js";

/** @import { OpenId } from "../oidc.js" */

export class ProviderSignIn {
  heading = t("sign_in");

  /**
   * @param {OpenId} provider
   * @param {unknown} error of the last attempt, or null
   */
  constructor(provider, error) {
    this.card = new Card(t("messages"));
    this.element = this.card.element;
    this.card.show({ action: t("sign_in"), onsubmit: () => provider.begin(location.pathname) });
    if (error) this.card.error.textContent = sentence(error);
  }

  async open() {}

  close() {}

  focus() {
    this.card.focus();
  }
}
