/**
 * Any OpenID Connect provider: the authorization code flow with PKCE (RFC 7636), as a public client without a secret.
 * Tokens come from the token endpoint and are never in an address.
 */

import { fetchWithTimeout } from "./cruddur-messages/index.js";
import { ProviderRefused } from "./errors.js";
import { claims } from "./session.js";
import { tabStorage } from "./storage.js";
import { t } from "./texts.js";

/** @import { OpenIdConfig, Tokens } from "../types.d.ts" */

/** @typedef {{ state: string, nonce: string, verifier: string, path: string }} Pending a sign-in that is under way in this tab */

const KEY = "cruddur.sign_in";
const SCOPES = ["openid", "profile", "email", "offline_access"];
const RANDOM_BYTES = 32;

export class OpenId {
  /** @type {Promise<Record<string, any>> | undefined} */
  #discovered;

  /** @param {OpenIdConfig} config */
  constructor({ issuer, client_id, audience }) {
    this.issuer = issuer;
    this.clientId = client_id;
    this.audience = audience;
    this.page = `${location.origin}/`;
  }

  /** Whether the page was opened by the provider, with the answer to a sign-in. */
  get isAnswered() {
    const answer = new URLSearchParams(location.search);
    return location.pathname === "/" && answer.has("state") && (answer.has("code") || answer.has("error"));
  }

  /**
   * Goes to the provider's own page.
   *
   * @param {string} path to show after the sign-in
   */
  async begin(path) {
    const { authorization_endpoint, scopes_supported = SCOPES } = await this.#discover();
    /** @type {Pending} */
    const pending = { state: random(), nonce: random(), verifier: random(), path };
    tabStorage.set(KEY, JSON.stringify(pending));
    go(authorization_endpoint, {
      response_type: "code",
      client_id: this.clientId,
      redirect_uri: this.page,
      scope: SCOPES.filter((scope) => scopes_supported.includes(scope)).join(" "),
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await challenge(pending.verifier),
      code_challenge_method: "S256",
      ...this.#target,
    });
  }

  /**
   * Ends a sign-in with the answer in the page's address, and takes the answer out of it. Throws ProviderRefused,
   * Unreachable.
   */
  async finish() {
    const answer = new URLSearchParams(location.search);
    /** @type {Pending | null} */
    const pending = JSON.parse(tabStorage.get(KEY) ?? "null");
    tabStorage.remove(KEY);
    history.replaceState(null, "", pending?.path ?? "/");
    const isForeign = answer.get("state") !== pending?.state || (answer.get("iss") ?? this.issuer) !== this.issuer;
    if (!pending || isForeign) throw new ProviderRefused("state", t("sign_in_mixed_up"));
    const error = answer.get("error");
    if (error) throw refusal(error, answer.get("error_description"));
    const reply = await this.#request({
      grant_type: "authorization_code",
      code: answer.get("code") ?? "",
      redirect_uri: this.page,
      code_verifier: pending.verifier,
    });
    this.#check(reply.id_token, pending.nonce);
    return this.#tokens(reply);
  }

  /**
   * New tokens. Throws ProviderRefused if the refresh token is not valid any more, and Unreachable.
   *
   * @param {string} refresh_token
   */
  async renew(refresh_token) {
    return this.#tokens(await this.#request({ grant_type: "refresh_token", refresh_token }));
  }

  /**
   * Revokes the refresh token, and goes to the provider's own sign-out, where there are such.
   *
   * @param {string} refresh_token
   */
  async signOut(refresh_token) {
    const { revocation_endpoint, end_session_endpoint } = await this.#discover();
    if (revocation_endpoint && refresh_token) {
      const body = new URLSearchParams({ token: refresh_token, client_id: this.clientId });
      await fetchWithTimeout(revocation_endpoint, { method: "POST", body }).catch(() => {}); // it expires by itself
    }
    if (!end_session_endpoint) return;
    go(end_session_endpoint, { client_id: this.clientId, post_logout_redirect_uri: this.page });
  }

  /**
   * Asks for a token that the API accepts. An ID token needs no asking: its audience is the client.
   *
   * @returns {Record<string, string>}
   */
  get #target() {
    return this.#isIdToken ? {} : { audience: this.audience, resource: this.audience };
  }

  get #isIdToken() {
    return this.audience === this.clientId;
  }

  #discover() {
    this.#discovered ??= this.#fetchMetadata().catch((error) => {
      this.#discovered = undefined;
      throw error;
    });
    return this.#discovered;
  }

  async #fetchMetadata() {
    const url = `${this.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const response = await fetchWithTimeout(url, {});
    const metadata = response.ok ? await response.json().catch(() => null) : null;
    if (metadata?.issuer !== this.issuer) throw new Error(t("provider_unreachable"));
    return metadata;
  }

  /** @param {Record<string, string>} grant */
  async #request(grant) {
    const { token_endpoint } = await this.#discover();
    const body = new URLSearchParams({ ...grant, client_id: this.clientId, ...this.#target });
    const response = await fetchWithTimeout(token_endpoint, { method: "POST", body });
    const reply = await response.json().catch(() => ({}));
    if (response.ok) return reply;
    if (response.status === 429 || response.status >= 500) throw new Error(t("provider_unreachable"));
    throw refusal(reply.error, reply.error_description);
  }

  /**
   * @param {Record<string, string>} reply
   * @returns {Tokens}
   */
  #tokens({ access_token, id_token, refresh_token }) {
    const token = this.#isIdToken ? id_token : access_token;
    if (!token) throw refusal("invalid_grant");
    return { token, refresh_token };
  }

  /**
   * Checks that an ID token is the answer to this sign-in. It came from the issuer itself, over TLS, so its signature
   * needs no check (OpenID Connect Core, section 3.1.3.7).
   *
   * @param {string} id_token
   * @param {string} nonce
   */
  #check(id_token, nonce) {
    const { iss, aud, azp, nonce: answered } = id_token ? claims(id_token) : {};
    const isMine = [aud].flat().includes(this.clientId) && (azp ?? this.clientId) === this.clientId;
    if (iss !== this.issuer || !isMine || answered !== nonce) throw new ProviderRefused("nonce", t("sign_in_mixed_up"));
  }
}

/**
 * @param {string} error the provider's code
 * @param {string | null} [description]
 */
function refusal(error, description) {
  return new ProviderRefused(error, t("provider_refused", { reason: description || error || "?" }));
}

/**
 * @param {string} endpoint which may have a query of its own
 * @param {Record<string, string>} parameters
 */
function go(endpoint, parameters) {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)));
}

/** @param {string} verifier */
async function challenge(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
