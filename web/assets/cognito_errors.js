/** Errors of Cognito as sentences in the reader's language. */

import { ProviderRefused, sentence } from "./errors.js";
import { t } from "./texts.js";

/** @import { Key } from "./texts.js" */

/** @type {Record<string, Key>} Texts by Cognito's own code. */
const TEXTS = {
  CodeMismatchException: "wrong_code",
  EnableSoftwareTokenMFAException: "wrong_code",
  ExpiredCodeException: "expired_code",
  InvalidPasswordException: "bad_password",
  LimitExceededException: "too_many_attempts",
  TooManyFailedAttemptsException: "too_many_attempts",
  UserNotFoundException: "wrong_password",
  UsernameExistsException: "account_exists",
};

/** @type {[RegExp, Key][]} Texts by a part of Cognito's message: a trigger's own error, or one of a code's many reasons. */
const PARTS = [
  [/Incorrect username or password/, "wrong_password"],
  [/attempts exceeded/, "too_many_attempts"],
  [/handle is taken/, "handle_taken"],
  [/handle|preferred_username/, "handle_invalid"],
  [/failed with error .*name/, "display_name_invalid"],
];

/**
 * A sentence for people.
 *
 * @param {unknown} error
 */
export function cognitoSentence(error) {
  if (!(error instanceof ProviderRefused)) return sentence(error);
  const key = TEXTS[error.name] ?? PARTS.find(([part]) => part.test(error.message))?.[1];
  return key ? t(key) : error.message;
}
