/**
 * The person who is signed in, and their tokens.
 *
 * The access token is kept in memory only. The refresh token is in localStorage, so that a reload, another tab and
 * tomorrow need no password; docs/web.md weighs that. Where there are demo people, it is in sessionStorage: each window
 * is somebody else.
 */

import { Cognito, CognitoRefused } from "./cognito.js";
import { SignedOut } from "./cruddur-messages/index.js";
import { browserStorage, tabStorage } from "./storage.js";

/**
 * @import { Person } from "./cruddur-messages/types.js"
 * @import { Config, Tokens } from "../types.d.ts"
 */

const KEY = "cruddur.session";
const MARGIN_MS = 60_000; // a token is not used in the last minute before it expires

/** @typedef {{ refresh_token: string, user: Person }} Kept */

/** Fires `change` when somebody has signed out, or has signed in or out in another tab. */
export class Session extends EventTarget {
  #storage;
  /** @type {Promise<string> | null} */
  #renewal = null;
  /** @type {string | null} */
  #accessToken = null;
  #expiresAt = 0;
  /** @type {Person | null} */
  #user;

  /** @param {Config} config */
  constructor(config) {
    super();
    this.config = config;
    this.cognito = new Cognito(config);
    this.#storage = config.demo ? tabStorage : browserStorage;
    this.#user = this.#read()?.user ?? null;
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      const user = this.#read()?.user ?? null;
      if (user?.uuid !== this.#user?.uuid) this.#become(user);
    });
  }

  /** The person who is signed in, or null. */
  get user() {
    return this.#user;
  }

  /** An access token that is valid for at least a minute. Throws SignedOut, Unreachable. */
  async token() {
    return this.#accessToken && Date.now() < this.#expiresAt ? this.#accessToken : this.renewed();
  }

  /** A new access token. Callers at the same time get the same one. Throws SignedOut, Unreachable. */
  renewed() {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /** @param {Tokens} tokens of a sign-in */
  start(tokens) {
    this.#keep(tokens, "");
  }

  /** Signs out in all tabs, and has Cognito revoke the tokens. */
  signOut() {
    const kept = this.#read();
    this.#end();
    if (!kept) return;
    const parameters = { ClientId: this.cognito.clientId, Token: kept.refresh_token };
    this.cognito.call("RevokeToken", parameters).catch(() => {}); // the person is signed out here all the same
  }

  /** Ends every session of the person, on all devices. Throws CognitoRefused, SignedOut, Unreachable. */
  async signOutEverywhere() {
    const token = await this.token();
    try {
      await this.cognito.call("GlobalSignOut", { AccessToken: token });
    } catch (error) {
      const isRevoked = error instanceof CognitoRefused && error.name === "NotAuthorizedException";
      if (!isRevoked) throw error;
    }
    this.#end();
  }

  /** @returns {Promise<string>} */
  async #renew() {
    const kept = this.#read();
    if (!kept) throw this.#end();
    const parameters = { ClientId: this.cognito.clientId, RefreshToken: kept.refresh_token };
    let reply;
    let refusal;
    try {
      reply = await this.cognito.call("GetTokensFromRefreshToken", parameters);
    } catch (error) {
      if (!(error instanceof CognitoRefused)) throw error;
      refusal = error;
    }
    // Meanwhile somebody may have signed out, or in as somebody else.
    const now = this.#read();
    if (now?.user.uuid !== kept.user.uuid) throw new SignedOut();
    if (refusal) {
      // A refresh token is good once, and another tab may have used this one.
      if (now.refresh_token !== kept.refresh_token) return this.#renew();
      throw this.#end();
    }
    return this.#keep(reply.AuthenticationResult, kept.refresh_token);
  }

  /**
   * Keeps new tokens. Returns the access token.
   *
   * @param {Tokens} tokens
   * @param {string} refresh_token in case there is no new one
   */
  #keep({ AccessToken, IdToken, RefreshToken }, refresh_token) {
    const { sub, preferred_username = "", name, email } = claims(IdToken);
    const { exp, iat } = claims(AccessToken); // their difference, since this machine's clock may be wrong
    this.#accessToken = AccessToken;
    this.#expiresAt = Date.now() + (exp - iat) * 1_000 - MARGIN_MS;
    const display_name = name || preferred_username || email || "Me";
    this.#user = { uuid: sub, handle: preferred_username, display_name, avatar: null };
    /** @type {Kept} */
    const kept = { refresh_token: RefreshToken ?? refresh_token, user: this.#user };
    this.#storage.set(KEY, JSON.stringify(kept));
    return AccessToken;
  }

  /** @returns {Kept | null} */
  #read() {
    try {
      const kept = JSON.parse(this.#storage.get(KEY) ?? "null");
      return kept?.user?.display_name ? kept : null;
    } catch {
      return null;
    }
  }

  #end() {
    this.#storage.remove(KEY);
    this.#become(null);
    return new SignedOut();
  }

  /** @param {Person | null} user */
  #become(user) {
    this.#accessToken = null;
    this.#user = user;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The claims of a token. Only the server can check them.
 *
 * @param {string} token
 */
function claims(token) {
  const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
