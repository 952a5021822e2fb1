/** config.json: the addresses of the API, the socket and Cognito, and a limit. */

import { fetchWithTimeout } from "./cruddur-messages/index.js";
import { t } from "./texts.js";

/** @import { Config } from "../types.d.ts" */

const REQUIRED = ["api", "socket", "message_max_chars", "client_id"];
const OF_COGNITO = ["cognito", "user_pool_id"];
const OF_OPENID = ["issuer", "audience"];

/**
 * Throws Unreachable, and an Error with a sentence for people.
 *
 * @returns {Promise<Config>}
 */
export async function loadConfig() {
  const response = await fetchWithTimeout("/config.json", {});
  if (!response.ok) throw new Error(t("answered", { status: response.status }));
  const config = await response.json().catch(() => null);
  const required = [...REQUIRED, ...(config?.issuer ? OF_OPENID : OF_COGNITO)];
  if (!required.every((name) => name in Object(config))) {
    throw new Error(t("bad_config"));
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
