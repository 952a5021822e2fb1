/** config.json: the addresses of the API, the socket and Cognito, and a limit. */

import { fetchWithTimeout, Unreachable } from "./cruddur-messages/index.js";

/** @import { Config } from "../types.d.ts" */

const REQUIRED = ["api", "socket", "cognito", "user_pool_id", "client_id", "message_max_chars"];

/**
 * Throws Unreachable.
 *
 * @returns {Promise<Config>}
 */
export async function loadConfig() {
  const response = await fetchWithTimeout("/config.json", {});
  if (!response.ok) throw new Unreachable(`The server answered ${response.status}.`);
  const config = await response.json().catch(() => null);
  if (!REQUIRED.every((name) => name in Object(config))) {
    throw new Unreachable("The server's configuration cannot be read.");
  }
  return config;
}

/**
 * Reloads the page if the system that it was loaded for was replaced by another.
 *
 * @param {Config} config of this page
 */
export async function reloadIfReplaced(config) {
  try {
    const current = await loadConfig();
    if (JSON.stringify(current) !== JSON.stringify(config)) location.reload();
  } catch {
    // the server is still unreachable
  }
}
