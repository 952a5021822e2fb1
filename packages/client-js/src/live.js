/** The socket: opened, kept alive, and opened again. Not used where the server has none. */

import { Refused, SignedOut } from "./api.js";
import { Emitter } from "./emitter.js";

/**
 * @import { Api } from "./api.js"
 * @import { Platform } from "./platform.js"
 * @import { Frame, ServerEvent } from "./types.js"
 */

const PING_MS = 270_000; // API Gateway closes a socket that was silent for 10 minutes
const PONG_TIMEOUT_MS = 6_000;
const OPEN_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const OPEN = 1; // a WebSocket's readyState
const STABLE_MS = 10_000; // after which the next pause is the first again

/**
 * Fires `open`, `close`, and `event` with a ServerEvent.
 *
 * @extends {Emitter<{ open: void, close: void, event: ServerEvent }>}
 */
export class Live extends Emitter {
  isOpen = false;
  /** Whether the server has closed the socket in favour of newer ones. It stays closed until somebody uses the device. */
  isReplaced = false;

  /** @type {(() => void)[]} */
  #endings;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Record<string, ReturnType<typeof setTimeout> | undefined>} */
  #timers = {};
  #failures = 0;
  #isConnecting = false;
  #isClosed = false;

  /**
   * @param {Api} api
   * @param {string} url the socket's, without a ticket
   * @param {Platform} platform
   * @param {typeof WebSocket} Socket
   */
  constructor(api, url, platform, Socket) {
    super();
    this.api = api;
    this.url = url;
    this.platform = platform;
    this.Socket = Socket;
    this.#endings = [
      platform.on("online", (isOnline) => (isOnline ? this.#wake() : this.#socket?.close())),
      platform.on("visible", () => this.#look()),
      platform.on("use", () => this.isReplaced && this.#look()),
    ];
  }

  /** Connects again even after the socket was replaced: somebody looks at the device. */
  #look() {
    if (!this.platform.isVisible) return;
    this.isReplaced = false;
    this.#wake();
  }

  #wake() {
    if (!this.url || !this.platform.isVisible || !this.platform.isOnline) return;
    if (this.isOpen) this.#ping();
    else this.connect();
  }

  close() {
    this.#isClosed = true;
    for (const end of this.#endings) end();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#socket?.close();
  }

  /** Opens the socket, unless it is open or opening, or was replaced. */
  async connect() {
    if (this.#isConnecting || this.#socket || this.#isClosed || this.isReplaced) return;
    clearTimeout(this.#timers.reconnect);
    this.#isConnecting = true;
    try {
      const { body } = await this.api.request("POST", "/api/connections/ticket");
      if (!this.#isClosed) this.#open(body.ticket);
    } catch (error) {
      const hasNone = error instanceof Refused && error.status === 404;
      if (!(error instanceof SignedOut) && !hasNone) this.#reconnect();
    } finally {
      this.#isConnecting = false;
    }
  }

  /**
   * Sends a frame if the socket is open, and drops it otherwise.
   *
   * @param {Frame} frame
   */
  send(frame) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** @param {string} ticket */
  #open(ticket) {
    const socket = new this.Socket(`${this.url}?ticket=${encodeURIComponent(ticket)}`);
    this.#socket = socket;
    this.#timers.opening = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(this.#timers.opening);
      this.isOpen = true;
      this.#timers.stable = setTimeout(() => {
        this.#failures = 0;
      }, STABLE_MS);
      this.#schedulePing();
      this.emit("open", undefined);
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#timers.pong);
      const events = JSON.parse(data);
      if (!Array.isArray(events)) return; // API Gateway's own errors
      for (const event of events) this.#receive(event);
    };
    socket.onerror = () => {}; // `close` follows
    socket.onclose = () => this.#closed(socket);
  }

  /** @param {ServerEvent} event */
  #receive(event) {
    if (event.type === "error" && event.code === "too_many_connections") {
      this.isReplaced = true;
      this.#socket?.close();
    }
    this.emit("event", event);
  }

  /** @param {WebSocket} socket */
  #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.isOpen = false;
    for (const name of ["opening", "stable", "ping", "pong"]) clearTimeout(this.#timers[name]);
    if (this.#isClosed) return;
    this.emit("close", undefined);
    if (!this.isReplaced) this.#reconnect();
  }

  #reconnect() {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    clearTimeout(this.#timers.reconnect);
    this.#timers.reconnect = setTimeout(() => this.connect(), pause * (0.5 + Math.random() / 2));
  }

  #schedulePing() {
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => this.#ping(), PING_MS);
  }

  #ping() {
    const socket = this.#socket;
    if (!socket) return;
    this.send({ type: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => {
      socket.close();
      this.#closed(socket); // a dead connection's own `close` may take a minute
    }, PONG_TIMEOUT_MS);
    this.#schedulePing();
  }
}
