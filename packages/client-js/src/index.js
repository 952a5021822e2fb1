/** Direct messages in your own program: every message once, in order, and every unread count right. */

import { Api } from "./api.js";
import { Client } from "./client.js";
import { Platform } from "./platform.js";

/** @import { Options } from "./types.js" */

export { fetchWithTimeout, Refused, SignedOut, Unreachable } from "./api.js";
export { Emitter } from "./emitter.js";
export { Outbox, randomUuid } from "./outbox.js";
export { MemoryStorage } from "./platform.js";
export { isMuted, Store, Thread, unread } from "./store.js";
export { Api, Client, Platform };

/**
 * Connects a person: loads their newest conversations, and keeps the store up to date until `disconnect`.
 *
 * Without `user`, asks the server who it is, and throws Unreachable, Refused and the errors of `token`. With it, never
 * throws: what fails is tried again.
 *
 * @param {Options} options
 */
export async function connect(options) {
  const { api, token, platform = new Platform() } = options;
  const user = options.user ?? (await new Api(api, token, platform).get("/api/users/me")).body;
  const client = new Client({ ...options, user, platform });
  await client.catchUp();
  client.goLive();
  return client;
}
