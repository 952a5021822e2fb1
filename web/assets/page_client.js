/** The client of this page: cruddur-messages in a browser, and the person's drafts. */

import { browser } from "./cruddur-messages/browser.js";
import { Api, Client } from "./cruddur-messages/index.js";
import { Drafts } from "./drafts.js";
import { browserStorage } from "./storage.js";

/**
 * @import { Person, Token } from "./cruddur-messages/types.js"
 * @import { Config } from "../types.d.ts"
 * @import { Session } from "./session.js"
 */

const platform = browser(browserStorage);

/**
 * The API for a person whose profile is not known yet.
 *
 * @param {Config} config
 * @param {Session} session
 */
export const pageApi = (config, session) => new Api(config.api, tokenOf(session), platform);

/**
 * @param {Session} session
 * @returns {Token}
 */
const tokenOf =
  (session) =>
  ({ renew }) =>
    renew ? session.renewed() : session.token();

export class PageClient extends Client {
  /**
   * @param {Config} config
   * @param {Session} session
   * @param {Person} user
   */
  constructor(config, session, user) {
    super({
      api: config.api,
      socket: config.socket && new URL(config.socket, location.href.replace(/^http/, "ws")).href,
      user,
      token: tokenOf(session),
      platform,
    });
    this.config = config;
    this.drafts = new Drafts(user);
  }

  /** Whether there are unsent texts that will be lost with this tab. */
  get isLostWithTab() {
    return browserStorage.refuses(this.outbox.prefix) || this.drafts.isLostWithTab;
  }
}
