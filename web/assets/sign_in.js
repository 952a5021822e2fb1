/** Signing in at Cognito: the password by SRP, then each challenge that follows. */

import { tokens } from "./cognito.js";
import { Srp, timestamp } from "./srp.js";
import { locale, t } from "./texts.js";

/**
 * @import { Tokens } from "../types.d.ts"
 * @import { Cognito, Result } from "./cognito.js"
 */

/**
 * Asks the person for a one-time code, a new password, or the code of an authenticator app to set up with `secret`.
 *
 * @callback Ask
 * @param {"totp" | "new_password" | "setup"} question
 * @param {string} [secret]
 * @returns {Promise<string>}
 */

/** @typedef {{ ChallengeName?: string, Session?: string, ChallengeParameters?: Record<string, string>, AuthenticationResult?: Result }} Reply */

/**
 * Signs in. Throws ProviderRefused, Unreachable, and an Error with a sentence for people.
 *
 * @param {Cognito} cognito
 * @param {string} email
 * @param {string} password
 * @param {Ask} ask
 * @returns {Promise<Tokens>}
 */
export async function signIn(cognito, email, password, ask) {
  const srp = new Srp();
  /** @type {Reply} */
  let reply = await cognito.call("InitiateAuth", {
    ClientId: cognito.clientId,
    AuthFlow: "USER_SRP_AUTH",
    AuthParameters: { USERNAME: email, SRP_A: srp.publicValue },
  });
  let username = email;
  while (!reply.AuthenticationResult) {
    const { ChallengeName = "", ChallengeParameters = {} } = reply;
    username = ChallengeParameters.USER_ID_FOR_SRP ?? username;
    let session = reply.Session;
    /** @type {Record<string, string>} */
    let answer;
    if (ChallengeName === "PASSWORD_VERIFIER") {
      answer = await passwordClaim(srp, cognito.poolId, password, ChallengeParameters);
    } else if (ChallengeName === "SOFTWARE_TOKEN_MFA") {
      answer = { SOFTWARE_TOKEN_MFA_CODE: await ask("totp") };
    } else if (ChallengeName === "NEW_PASSWORD_REQUIRED") {
      checkAttributes(ChallengeParameters);
      answer = { NEW_PASSWORD: await ask("new_password") };
    } else if (ChallengeName === "MFA_SETUP") {
      session = await setUpApp(cognito, session, ask);
      answer = {};
    } else {
      throw new Error(t("unknown_challenge", { challenge: ChallengeName }));
    }
    reply = await cognito.call("RespondToAuthChallenge", {
      ClientId: cognito.clientId,
      ChallengeName,
      Session: session,
      ChallengeResponses: { USERNAME: username, ...answer },
    });
  }
  return tokens(reply.AuthenticationResult);
}

/**
 * Throws an Error if the account lacks attributes that only its administrator can add.
 *
 * @param {Record<string, string>} challenge
 */
function checkAttributes({ requiredAttributes = "[]" }) {
  const missing = JSON.parse(requiredAttributes).map((/** @type {string} */ name) =>
    name.replace("userAttributes.", ""),
  );
  if (!missing.length) return;
  const names = new Intl.ListFormat(locale).format(missing);
  throw new Error(t("missing_attributes", { names }));
}

/**
 * @param {Srp} srp
 * @param {string} poolId
 * @param {string} password
 * @param {Record<string, string>} challenge
 */
async function passwordClaim(srp, poolId, password, { USER_ID_FOR_SRP, SALT, SRP_B, SECRET_BLOCK }) {
  const now = timestamp(new Date());
  const signature = await srp.sign({
    pool: poolId.split("_")[1],
    user: USER_ID_FOR_SRP,
    password,
    salt: SALT,
    serverValue: SRP_B,
    secretBlock: SECRET_BLOCK,
    timestamp: now,
  });
  return { PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK, PASSWORD_CLAIM_SIGNATURE: signature, TIMESTAMP: now };
}

/**
 * Sets up an authenticator app. Returns the session to go on with.
 *
 * @param {Cognito} cognito
 * @param {string | undefined} session
 * @param {Ask} ask
 * @returns {Promise<string>}
 */
async function setUpApp(cognito, session, ask) {
  const { SecretCode, Session } = await cognito.call("AssociateSoftwareToken", { Session: session });
  const code = await ask("setup", SecretCode);
  const verified = await cognito.call("VerifySoftwareToken", { Session, UserCode: code, FriendlyDeviceName: "web" });
  return verified.Session;
}
