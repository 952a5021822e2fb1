/**
 * Who is signed in, at Cognito.
 *
 * The access token is kept in memory only. The refresh token is in localStorage, so that a reload, another tab and
 * tomorrow need no password; docs/web.md weighs that. Where there are demo people, it is in sessionStorage: each window
 * is somebody else.
 */

import { reach, Unreachable } from "./api.js";

/** Nobody is signed in any more: the refresh token is gone, used up or revoked. */
export class SignedOut extends Error {
  name = "SignedOut";
}

/** Cognito refused; the text is for people. */
export class SignInRefused extends Error {}

const KEPT = "cruddur.session";
const EARLY = 60_000; // milliseconds before its end in which a token is not used any more

const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (character) =>
    character.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes));
};

export class Session extends EventTarget {
  #storage;
  #access = null;
  #ends = 0;
  #renewing = null;
  #user = null;

  /** Fires `change` when somebody is not signed in any more, or in another tab somebody has signed in. */
  constructor(config) {
    super();
    this.config = config;
    this.#storage = config.demo ? sessionStorage : localStorage;
    addEventListener("storage", (event) => {
      const change = event.key === KEPT || event.key === null;
      if (change && this.#user?.uuid !== this.#read()?.user.uuid) this.#become(this.#read()?.user ?? null);
    });
    this.#user = this.#read()?.user ?? null;
  }

  /** {uuid, handle, display_name}, or null. */
  get user() {
    return this.#user;
  }

  /** An access token that is good for a minute at least. Throws SignedOut, Unreachable. */
  async token() {
    return this.#access && Date.now() < this.#ends ? this.#access : this.renewed();
  }

  /** A new access token; two that ask at once get the same. Throws SignedOut, Unreachable. */
  renewed() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /**
   * Signs in by SRP: the password does not leave the page. `ask` is called with "totp", "new_password" or "setup" and
   * a text (the secret for an authenticator app), and answers with what the person typed. Throws SignInRefused.
   */
  async signIn(email, password, ask) {
    await import("./vendor/amazon-cognito-identity.min.js"); // 112 KB that only a sign-in needs
    const { AuthenticationDetails, CognitoUser, CognitoUserPool } = self.AmazonCognitoIdentity;
    const Storage = new MemoryStorage();
    const Pool = new CognitoUserPool({
      UserPoolId: this.config.user_pool_id,
      ClientId: this.config.client_id,
      endpoint: this.config.cognito,
      AdvancedSecurityDataCollectionFlag: false,
      Storage,
    });
    const user = new CognitoUser({ Username: email.trim(), Pool, Storage });
    const tokens = await new Promise((resolve, reject) => {
      const callbacks = {
        onSuccess: resolve,
        onFailure: (error) => reject(new SignInRefused(error.message)),
        totpRequired: () => ask("totp").then((code) => user.sendMFACode(code, callbacks, "SOFTWARE_TOKEN_MFA"), reject),
        newPasswordRequired: () =>
          ask("new_password").then((text) => user.completeNewPasswordChallenge(text, {}, callbacks), reject),
        mfaSetup: () => user.associateSoftwareToken(callbacks),
        associateSecretCode: (secret) =>
          ask("setup", secret).then((code) => user.verifySoftwareToken(code, "web", callbacks), reject),
      };
      user.authenticateUser(new AuthenticationDetails({ Username: email.trim(), Password: password }), callbacks);
    });
    this.#keep(
      tokens.getAccessToken().getJwtToken(),
      tokens.getIdToken().getJwtToken(),
      tokens.getRefreshToken().getToken(),
    );
  }

  /** Forgets who was signed in, here and in other tabs, and has Cognito revoke the tokens. */
  signOut() {
    const kept = this.#read();
    this.#end();
    if (kept) this.#cognito("RevokeToken", { Token: kept.refresh_token }).catch(() => {});
  }

  async #renew() {
    const kept = this.#read();
    if (!kept) throw this.#end();
    const response = await this.#cognito("GetTokensFromRefreshToken", { RefreshToken: kept.refresh_token });
    const answer = await response.json().catch(() => ({}));
    // Meanwhile somebody may have signed out, or in as somebody else.
    const now = this.#read();
    if (now?.user.uuid !== kept.user.uuid) throw new SignedOut("Nobody is signed in.");
    if (response.status === 400 && !answer.__type?.includes("TooManyRequests")) {
      // A refresh token is good once, and another tab may have used this one.
      if (now.refresh_token !== kept.refresh_token) return this.#renew();
      throw this.#end();
    }
    if (!response.ok) throw new Unreachable(`Cognito answered ${response.status}.`);
    const { AccessToken, IdToken, RefreshToken } = answer.AuthenticationResult;
    this.#keep(AccessToken, IdToken, RefreshToken ?? kept.refresh_token);
    return this.#access;
  }

  #cognito(operation, body) {
    return reach(this.config.cognito, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
      },
      body: JSON.stringify({ ClientId: this.config.client_id, ...body }),
    });
  }

  #keep(access, id, refresh) {
    const person = claims(id);
    this.#access = access;
    const { exp, iat } = claims(access); // their difference, since this machine's clock may be wrong
    this.#ends = Date.now() + (exp - iat) * 1000 - EARLY;
    this.#user = { uuid: person.sub, handle: person.preferred_username, display_name: person.name };
    this.#storage.setItem(KEPT, JSON.stringify({ refresh_token: refresh, user: this.#user }));
  }

  #read() {
    try {
      return JSON.parse(this.#storage.getItem(KEPT));
    } catch {
      return null;
    }
  }

  #end() {
    this.#storage.removeItem(KEPT);
    this.#become(null);
    return new SignedOut("Nobody is signed in.");
  }

  #become(user) {
    this.#access = null;
    this.#user = user;
    this.dispatchEvent(new Event("change"));
  }
}

/** Where the library keeps tokens: until the sign-in is over. */
class MemoryStorage {
  #items = new Map();
  setItem(key, value) {
    this.#items.set(key, value);
    return value;
  }
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  removeItem(key) {
    return this.#items.delete(key);
  }
  clear() {
    this.#items.clear();
  }
}
