/** Requests to Cognito. */

import { fetchWithTimeout, Unreachable } from "./cruddur-messages/index.js";

/** @import { Config } from "../types.d.ts" */

/** Cognito refused. The error's name is Cognito's own, and its message is a sentence for people. */
export class CognitoRefused extends Error {
  /**
   * @param {string} name
   * @param {string} message
   */
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

export class Cognito {
  /** @param {Config} config */
  constructor({ cognito, client_id, user_pool_id }) {
    this.endpoint = cognito;
    this.clientId = client_id;
    this.poolId = user_pool_id;
  }

  /**
   * Calls an operation that needs no AWS credentials. Throws CognitoRefused, Unreachable.
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
    if (response.status !== 400 || name === "TooManyRequestsException") {
      throw new Unreachable(`Cognito answered ${response.status}. Try again in a moment.`);
    }
    throw new CognitoRefused(name, body.message ?? body.Message ?? "Cognito refused the request.");
  }
}
