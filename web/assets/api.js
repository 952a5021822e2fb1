/** The API, as openapi.yaml describes it. */

/** The server could not be reached, or did not answer in time. */
export class Unreachable extends Error {}

/**
 * The server refused. `status` is HTTP's, `codes` what a 422 lists, `message` a sentence for people, `retryAfter` the
 * milliseconds after which the same may be asked again.
 */
export class Refused extends Error {
  constructor(response, codes, detail) {
    super(detail);
    this.status = response.status;
    this.codes = codes;
    this.retryAfter = 1_000 * (Number(response.headers.get("Retry-After")) || 0);
  }

  /** Whether the same request may be answered otherwise in a moment. */
  get isPassing() {
    return this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const SENTENCES = {
  message_blank: "There is no text in it.",
  message_exceed_max_chars: "It is too long.",
  user_receiver_is_self: "That is you.",
};

/** Fetches with a deadline. Throws Unreachable. */
export async function reach(url, options) {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout(35_000) });
  } catch (error) {
    throw new Unreachable(error.message);
  }
}

export class Api {
  constructor(base, session) {
    this.base = base;
    this.session = session;
  }

  /**
   * A request as the person who is signed in: {body, links}, where links are absolute URLs by their relation. The
   * browser itself asks with If-None-Match. Throws Unreachable, Refused, and SignedOut of session.js.
   */
  async request(method, path, body) {
    const url = path.includes("://") ? path : this.base + path;
    let response = await this.#fetch(method, url, body, await this.session.token());
    if (response.status === 401) {
      response = await this.#fetch(method, url, body, await this.session.renewed());
    }
    if (!response.ok) throw await refusal(response);
    return { body: await response.json(), links: links(response) };
  }

  get(path) {
    return this.request("GET", path);
  }

  #fetch(method, url, body, token) {
    const headers = { Authorization: `Bearer ${token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return reach(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  if (Array.isArray(body)) return new Refused(response, body, SENTENCES[body[0]] ?? body.join(", "));
  return new Refused(response, [], body.detail ?? body.message ?? `The server answered ${response.status}.`);
}

function links(response) {
  const found = {};
  for (const [, target, relation] of (response.headers.get("Link") ?? "").matchAll(/<([^>]*)>; rel="([a-z]+)"/g)) {
    found[relation] = new URL(target, response.url).href;
  }
  return found;
}
