/** config.json: the addresses of the API, the socket and Cognito, and a limit. */

import { fetchWithTimeout, Unreachable } from "./api.js";

/** @import { Config } from "../types.d.ts" */

/**
 * Throws Unreachable.
 *
 * @returns {Promise<Config>}
 */
export async function loadConfig() {
  const response = await fetchWithTimeout("/config.json", {});
  if (!response.ok) throw new Unreachable(`The server answered ${response.status}.`);
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable("The server's configuration cannot be read.", { cause: error });
  }
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
