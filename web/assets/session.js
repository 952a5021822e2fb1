/**
 * The person who is signed in, and their tokens.
 *
 * The token for the API is kept in memory only. The refresh token is in localStorage, so that a reload, another tab and
 * tomorrow need no password; docs/web.md weighs that. Where there are demo people, it is in sessionStorage: each window
 * is somebody else.
 */

import { SignedOut } from "./cruddur-messages/index.js";
import { ProviderRefused } from "./errors.js";
import { browserStorage, tabStorage } from "./storage.js";

/**
 * @import { Person } from "./cruddur-messages/types.js"
 * @import { Config, Provider, Tokens } from "../types.d.ts"
 */

const KEY = "cruddur.session";
const MARGIN_MS = 60_000; // a token is not used in the last minute before it expires

/** @typedef {{ refresh_token: string, user: Person | null }} Kept user is null until the API has told their profile */

/** Fires `change` when somebody has signed out, or has signed in or out in another tab. */
export class Session extends EventTarget {
  #storage;
  /** @type {Promise<string> | null} */
  #renewal = null;
  /** @type {string | null} */
  #token = null;
  #expiresAt = 0;
  /** @type {Kept | null} */
  #kept;

  /**
   * @param {Config} config
   * @param {Provider} provider
   */
  constructor(config, provider) {
    super();
    this.config = config;
    this.provider = provider;
    this.#storage = config.demo ? tabStorage : browserStorage;
    this.#kept = this.#read();
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      const kept = this.#read();
      const isSame = kept?.user?.uuid === this.user?.uuid && Boolean(kept) === this.isSignedIn;
      if (!isSame) this.#become(kept);
    });
  }

  get isSignedIn() {
    return this.#kept !== null;
  }

  /** The person who is signed in; null if nobody is, or if their profile is unknown. */
  get user() {
    return this.#kept?.user ?? null;
  }

  /** A token that is valid for at least a minute. Throws SignedOut, Unreachable. */
  async token() {
    return this.#token && Date.now() < this.#expiresAt ? this.#token : this.renewed();
  }

  /** A new token. Callers at the same time get the same one. Throws SignedOut, Unreachable. */
  renewed() {
    // A refresh token may be valid once.
    this.#renewal ??= this.#storage
      .alone(KEY, () => this.#renew())
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  /** @param {Tokens} tokens of a sign-in */
  start(tokens) {
    this.#keep(tokens, { refresh_token: "", user: null });
  }

  /**
   * Keeps the profile of the person who is signed in.
   *
   * @param {Person} profile
   */
  enter({ uuid, handle, display_name, avatar }) {
    const kept = this.#read();
    const user = { uuid, handle, display_name, avatar };
    if (!kept || JSON.stringify(kept.user) === JSON.stringify(user)) return;
    this.#kept = { ...kept, user };
    this.#write();
  }

  /** Signs out in all tabs, and at the provider. */
  signOut() {
    const kept = this.#read();
    this.#end();
    if (kept) this.provider.signOut(kept.refresh_token).catch(() => {}); // the person is signed out here all the same
  }

  /** Ends every session of the person, on all devices. Throws ProviderRefused, SignedOut, Unreachable. */
  async signOutEverywhere() {
    const token = await this.token();
    try {
      await this.provider.signOutEverywhere?.(token);
    } catch (error) {
      const isRevoked = error instanceof ProviderRefused && error.name === "NotAuthorizedException";
      if (!isRevoked) throw error;
    }
    this.#end();
  }

  /** @returns {Promise<string>} */
  async #renew() {
    const kept = this.#read();
    if (!kept?.refresh_token) throw this.#end();
    const tokens = await this.provider.renew(kept.refresh_token).catch((error) => {
      if (!(error instanceof ProviderRefused)) throw error;
      return null;
    });
    // Meanwhile somebody may have signed out, or in as somebody else.
    const now = this.#read();
    if (!now || now.user?.uuid !== kept.user?.uuid) throw new SignedOut();
    if (tokens) return this.#keep(tokens, now);
    throw this.#end();
  }

  /**
   * Keeps new tokens. Returns the one for the API.
   *
   * @param {Tokens} tokens
   * @param {Kept} kept what stays if the tokens do not replace it
   */
  #keep({ token, refresh_token }, kept) {
    const { exp, iat } = claims(token); // their difference, since this machine's clock may be wrong
    this.#token = token;
    this.#expiresAt = Date.now() + (exp - iat) * 1_000 - MARGIN_MS;
    this.#kept = { ...kept, refresh_token: refresh_token ?? kept.refresh_token };
    this.#write();
    return token;
  }

  #write() {
    this.#storage.set(KEY, JSON.stringify(this.#kept));
  }

  /** @returns {Kept | null} */
  #read() {
    try {
      const kept = JSON.parse(this.#storage.get(KEY) ?? "null");
      const isKept = typeof kept?.refresh_token === "string" && (kept.user === null || kept.user.display_name);
      return isKept ? kept : null;
    } catch {
      return null;
    }
  }

  #end() {
    this.#storage.remove(KEY);
    if (this.#kept) this.#become(null); // a request that ends later draws no second sign-in over a half-typed one
    return new SignedOut();
  }

  /** @param {Kept | null} kept */
  #become(kept) {
    this.#token = null;
    this.#kept = kept;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The claims of a token. Only the server can check them.
 *
 * @param {string} token
 */
export function claims(token) {
  const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
