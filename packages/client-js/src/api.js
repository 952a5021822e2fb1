/** The API, as openapi.yaml describes it. */

import { deduped } from "./deduped.js";
import { Emitter } from "./emitter.js";

/**
 * @import { Platform } from "./platform.js"
 * @import { Links, Reply, Token } from "./types.js"
 */

const TIMEOUT_MS = 35_000; // API Gateway answers within 30 seconds
const LONGEST_WAIT_MS = 60_000;

/** The server could not be reached, or did not answer in time. */
export class Unreachable extends Error {}

/** The server refused the request. The error's message is a sentence for people. */
export class Refused extends Error {
  /**
   * @param {Response} response
   * @param {string} detail
   * @param {string[]} codes that a 422 lists
   */
  constructor(response, detail, codes = []) {
    super(detail);
    this.codes = codes;
    this.status = response.status;
    /** The pause that the server asks for. */
    this.retryAfterMs = 1_000 * (Number(response.headers.get("Retry-After")) || 0);
  }

  /** Whether the same request may succeed in a moment. A limit for hours or days is final. */
  get isPassing() {
    if (this.status === 429) return this.retryAfterMs <= LONGEST_WAIT_MS;
    return this.status === 401 || this.status === 408 || this.status >= 500;
  }
}

/** Nobody is signed in any more. A `token` function throws this, and then nothing is tried again. */
export class SignedOut extends Error {
  constructor() {
    super("You are signed out.");
  }
}

/** @type {Record<string, string>} Sentences for the codes that a 422 lists. */
const SENTENCES = {
  message_blank: "Type a message.",
  message_exceed_max_chars: "The message is too long.",
  user_receiver_is_self: "You cannot write to yourself.",
};

/**
 * Fetches with a deadline. Throws Unreachable.
 *
 * @param {string} url
 * @param {RequestInit} options
 */
export async function fetchWithTimeout(url, options) {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout?.(TIMEOUT_MS) }); // React Native has a deadline itself
  } catch (error) {
    throw new Unreachable("The server cannot be reached.", { cause: error });
  }
}

/**
 * Fires `change` when isReachable changes.
 *
 * @extends {Emitter<{ change: void }>}
 */
export class Api extends Emitter {
  #isReachable = true;
  #dedupe = deduped();

  /**
   * @param {string} base
   * @param {Token} token
   * @param {Platform} platform
   */
  constructor(base, token, platform) {
    super();
    this.base = base;
    this.token = token;
    this.platform = platform;
  }

  /** Whether the last GET was answered. */
  get isReachable() {
    return this.#isReachable;
  }

  set isReachable(isReachable) {
    if (this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    this.emit("change", undefined);
  }

  /**
   * Sends a request as the person who is signed in. Throws Unreachable, Refused, and the errors of `token`.
   *
   * @param {string} method
   * @param {string} path also one from the links of a reply
   * @param {unknown} [body]
   * @returns {Promise<Reply>}
   */
  async request(method, path, body) {
    let response = await this.#fetch(method, path, body, await this.token({ renew: false }));
    if (response.status === 401) {
      const token = await this.#dedupe("renew", async () => this.token({ renew: true }));
      response = await this.#fetch(method, path, body, token);
    }
    if (!response.ok) throw await refusal(response);
    return { body: await response.json(), links: links(path, response) };
  }

  /**
   * GETs a path. A browser itself adds If-None-Match. Throws the errors of `request`.
   *
   * @param {string} path
   */
  async get(path) {
    try {
      const reply = await this.request("GET", path);
      this.isReachable = true;
      return reply;
    } catch (error) {
      if (this.platform.isOnline) this.isReachable = error instanceof Refused && error.status < 500;
      throw error;
    }
  }

  /**
   * GETs a path's body, or null for a 404.
   *
   * @param {string} path
   */
  async find(path) {
    try {
      return (await this.get(path)).body;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {string} token
   */
  #fetch(method, path, body, token) {
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${token}` };
    if (body === undefined) return fetchWithTimeout(this.base + path, { method, headers });
    headers["Content-Type"] = "application/json";
    return fetchWithTimeout(this.base + path, { method, headers, body: JSON.stringify(body) });
  }
}

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  if (Array.isArray(body)) return new Refused(response, SENTENCES[body[0]] ?? body.join(", "), body);
  return new Refused(response, body.detail ?? body.message ?? `The server answered ${response.status}.`);
}

/**
 * The links of a reply. The server's are queries, which belong to the path of the request.
 *
 * @param {string} path
 * @param {Response} response
 * @returns {Links}
 */
function links(path, response) {
  const header = response.headers.get("Link") ?? "";
  const found = header.matchAll(/<([^>]*)>; rel="([a-z]+)"/g);
  return Object.fromEntries([...found].map(([, query, name]) => [name, path.replace(/(\?.*)?$/, query)]));
}
