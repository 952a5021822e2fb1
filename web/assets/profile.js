/** Writes of the profile of the person who is signed in. */

import { Refused } from "./cruddur-messages/index.js";
import { t } from "./texts.js";

/** @import { Api, MessagesFrom, Profile } from "./cruddur-messages/types.js" */

/**
 * Makes the profile with PUT, or changes it with PATCH. Returns it as it is then.
 *
 * @param {Api} api
 * @param {"PUT" | "PATCH"} method
 * @param {{ handle?: string, display_name?: string, avatar?: string | null, receipts?: boolean,
 *   messages_from?: MessagesFrom }} fields
 * @returns {Promise<Profile>}
 */
export async function saveProfile(api, method, fields) {
  try {
    return (await api.request(method, "/api/users/me", fields)).body;
  } catch (error) {
    if (error instanceof Refused && error.status === 409) throw new Error(t("handle_taken"), { cause: error });
    throw error;
  }
}
