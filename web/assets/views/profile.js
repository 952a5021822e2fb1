/** In place of the page for a person who is signed in and has no profile. */

import { linkButton } from "../dom.js";
import { saveProfile } from "../profile.js";
import { t } from "../texts.js";
import { Card } from "./card.js";
import { handleField, nameField } from "./fields.js";

/**
 * @import { Api } from "../cruddur-messages/index.js"
 * @import { Session } from "../session.js"
 */

export class Profile {
  heading = t("welcome");

  /**
   * @param {Api} api
   * @param {Session} session
   * @param {() => Promise<void>} ondone
   */
  constructor(api, session, ondone) {
    const card = new Card(t("welcome"));
    this.card = card;
    this.element = card.element;
    if (session.config.issuer === undefined) {
      // Cognito's people get their profile with the account.
      card.show({ note: t("no_profile"), action: t("sign_out"), onsubmit: async () => session.signOut() });
      return;
    }
    const name = nameField();
    const handle = handleField();
    card.show({
      note: t("welcome_note"),
      fields: [name.element, handle.element],
      action: t("proceed"),
      onsubmit: async () => {
        session.enter(await saveProfile(api, "PUT", { handle: handle.input.value, display_name: name.input.value }));
        await ondone();
      },
      below: [linkButton(t("sign_out"), () => session.signOut())],
    });
  }

  async open() {}

  close() {}

  focus() {
    this.card.focus();
  }
}
