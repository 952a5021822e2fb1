/** Cognito as the identity provider: its requests, and the tokens of a session. */

import { fetchWithTimeout } from "./cruddur-messages/index.js";
import { ProviderRefused } from "./errors.js";
import { t } from "./texts.js";

/** @import { CognitoConfig, Tokens } from "../types.d.ts" */

/** @typedef {{ AccessToken: string, RefreshToken?: string }} Result Cognito's AuthenticationResult */

export class Cognito {
  /** @param {CognitoConfig} config */
  constructor({ cognito, client_id, user_pool_id }) {
    this.endpoint = cognito;
    this.clientId = client_id;
    this.poolId = user_pool_id;
  }

  /**
   * Calls an operation of this client that needs no AWS credentials. Throws ProviderRefused, Unreachable.
   *
   * @param {string} operation
   * @param {Record<string, unknown>} parameters
   * @returns {Promise<any>}
   */
  async call(operation, parameters) {
    const response = await fetchWithTimeout(this.endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
      },
      body: JSON.stringify(parameters),
    });
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    const name = String(body.__type).split("#").at(-1) ?? "";
    if (response.status !== 400 || name === "TooManyRequestsException") throw new Error(t("busy"));
    throw new ProviderRefused(name, body.message ?? body.Message ?? name);
  }

  /**
   * New tokens. Throws ProviderRefused if the refresh token is not valid any more, and Unreachable.
   *
   * @param {string} refresh_token
   */
  async renew(refresh_token) {
    const parameters = { ClientId: this.clientId, RefreshToken: refresh_token };
    const reply = await this.call("GetTokensFromRefreshToken", parameters);
    return tokens(reply.AuthenticationResult);
  }

  /** @param {string} refresh_token */
  async signOut(refresh_token) {
    await this.call("RevokeToken", { ClientId: this.clientId, Token: refresh_token });
  }

  /**
   * Ends every session of the person, on all devices.
   *
   * @param {string} token
   */
  async signOutEverywhere(token) {
    await this.call("GlobalSignOut", { AccessToken: token });
  }
}

/**
 * @param {Result} result
 * @returns {Tokens}
 */
export function tokens({ AccessToken, RefreshToken }) {
  return { token: AccessToken, refresh_token: RefreshToken };
}
