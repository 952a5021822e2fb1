/** Errors as sentences in the reader's language. */

import { Refused, SignedOut, Unreachable } from "./cruddur-messages/index.js";
import { hasText, t } from "./texts.js";

/** The identity provider refused. The error's name is the provider's own code, and its message is a sentence for people. */
export class ProviderRefused extends Error {
  /**
   * @param {string} name
   * @param {string} message
   */
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

/**
 * A sentence for people.
 *
 * @param {unknown} error
 */
export function sentence(error) {
  if (error instanceof Unreachable) return t("unreachable");
  if (error instanceof SignedOut) return t("signed_out");
  if (error instanceof Refused) return refusal(error);
  return /** @type {Error} */ (error).message;
}

const MINUTE_MS = 60_000;

/** @param {Refused} refused */
function refusal({ status, codes, message, retryAfterMs }) {
  const code = codes.find(hasText);
  if (code) return t(code);
  if (status === 404) return t("not_found");
  if (status === 429) return t(retryAfterMs > MINUTE_MS ? "too_often" : "too_many_requests");
  if (status >= 500) return t("busy");
  return message;
}
