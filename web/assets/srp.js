/**
 * The client's half of SRP-6a (RFC 5054) as Cognito speaks it: it proves that the person knows the password, which
 * never leaves the page. Cognito's own variations: SHA-256, the 3072-bit group with generator 2, numbers hashed as two's
 * complement bytes, and a key derived by HKDF that signs the answer.
 */

/** The 3072-bit prime of RFC 5054, appendix A. */
const N = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
);
const G = 2n;
const SECRET_BYTES = 128;
const KEY_BYTES = 16;
const KEY_INFO = new TextEncoder().encode("Caldera Derived Key");

/** One attempt to sign in. */
export class Srp {
  /** @param {bigint} secret `a`; only tests choose it */
  constructor(secret = fromBytes(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))) {
    this.a = secret;
    this.A = power(G, secret);
  }

  /** SRP_A, for InitiateAuth. */
  get publicValue() {
    return this.A.toString(16);
  }

  /**
   * PASSWORD_CLAIM_SIGNATURE: signs Cognito's PASSWORD_VERIFIER challenge. Throws RangeError if the challenge is
   * malicious.
   *
   * @param {object} claim
   * @param {string} claim.pool the pool's id without its region
   * @param {string} claim.user USER_ID_FOR_SRP
   * @param {string} claim.password
   * @param {string} claim.salt SALT, in hexadecimal
   * @param {string} claim.serverValue SRP_B, in hexadecimal
   * @param {string} claim.secretBlock SECRET_BLOCK, in base64
   * @param {string} claim.timestamp as `timestamp` formats it
   */
  async sign({ pool, user, password, salt, serverValue, secretBlock, timestamp }) {
    const identity = new TextEncoder().encode(`${pool}${user}`);
    const B = BigInt(`0x${serverValue}`);
    const u = await hash(bytes(this.A), bytes(B));
    if (B % N === 0n || u === 0n) throw new RangeError("Cognito's challenge is not valid.");
    const k = await hash(bytes(N), bytes(G));
    const inner = await digest(identity, new TextEncoder().encode(`:${password}`));
    const x = await hash(bytes(BigInt(`0x${salt}`)), inner);
    const S = power(modulo(B - k * power(G, x)), this.a + u * x);
    const key = await derivedKey(bytes(S), bytes(u));
    const block = Uint8Array.from(atob(secretBlock), (character) => character.charCodeAt(0));
    const message = join(identity, block, new TextEncoder().encode(timestamp));
    const signature = await crypto.subtle.sign("HMAC", key, message);
    return btoa(String.fromCharCode(...new Uint8Array(signature)));
  }
}

/**
 * A time as Cognito wants it signed: "Tue Feb 1 03:04:05 UTC 2000".
 *
 * @param {Date} date
 */
export function timestamp(date) {
  const [weekday, day, month, year, time] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${Number(day)} ${time} UTC ${year}`;
}

/**
 * HKDF of the shared secret, as a key for HMAC.
 *
 * @param {Uint8Array<ArrayBuffer>} secret
 * @param {Uint8Array<ArrayBuffer>} salt
 */
async function derivedKey(secret, salt) {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info: KEY_INFO };
  const bits = await crypto.subtle.deriveBits(parameters, material, KEY_BYTES * 8);
  return crypto.subtle.importKey("raw", bits, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** @param {bigint} value */
function modulo(value) {
  return ((value % N) + N) % N;
}

/**
 * `base` to the power of `exponent`, modulo N.
 *
 * @param {bigint} base
 * @param {bigint} exponent
 */
function power(base, exponent) {
  let result = 1n;
  let square = base % N;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result;
}

/** @param {...Uint8Array<ArrayBuffer>} parts */
async function digest(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

/** @param {...Uint8Array<ArrayBuffer>} parts */
async function hash(...parts) {
  return fromBytes(await digest(...parts));
}

/** @param {...Uint8Array} parts */
function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/**
 * A positive number in two's complement, with the highest bit 0.
 *
 * @param {bigint} value
 */
function bytes(value) {
  const hex = value.toString(16);
  const even = hex.length % 2 ? `0${hex}` : hex;
  const padded = /^[89a-f]/.test(even) ? `00${even}` : even;
  return Uint8Array.from(padded.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** @param {Uint8Array} value */
function fromBytes(value) {
  return BigInt(`0x${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}
