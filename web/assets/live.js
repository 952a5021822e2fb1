/** The socket: opened, kept alive, and opened again. Not used where the server has none. */

import { Refused } from "./api.js";
import { SignedOut } from "./session.js";

/**
 * @import { Frame, ServerEvent } from "../types.d.ts"
 * @import { Api } from "./api.js"
 */

const PING_MS = 270_000; // API Gateway closes a socket that was silent for 10 minutes
const PONG_TIMEOUT_MS = 6_000;
const OPEN_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const STABLE_MS = 10_000; // after which the next pause is the first again

/** Fires `open`, `close`, and `event` with a ServerEvent as detail. */
export class Live extends EventTarget {
  isOpen = false;
  /** Whether the server has closed the socket in favour of newer ones. It stays closed until somebody looks at the page. */
  isReplaced = false;

  #listeners = new AbortController();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Record<string, number | undefined>} */
  #timers = {};
  #failures = 0;
  #isConnecting = false;
  #isClosed = false;

  /**
   * @param {Api} api
   * @param {string} url the socket's, without a ticket
   */
  constructor(api, url) {
    super();
    this.api = api;
    this.url = url;
    const { signal } = this.#listeners;
    const wake = () => {
      if (!this.url || document.visibilityState === "hidden" || !navigator.onLine) return;
      if (this.isOpen) this.#ping();
      else this.connect();
    };
    const look = () => {
      if (!this.isReplaced || document.visibilityState === "hidden") return;
      this.isReplaced = false;
      wake();
    };
    for (const name of ["focus", "pointerdown", "keydown"]) addEventListener(name, look, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    addEventListener("online", wake, { signal });
    addEventListener("offline", () => this.#socket?.close(), { signal });
    document.addEventListener("visibilitychange", wake, { signal });
  }

  close() {
    this.#isClosed = true;
    this.#listeners.abort();
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
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** @param {string} ticket */
  #open(ticket) {
    const socket = new WebSocket(`${this.url}?ticket=${encodeURIComponent(ticket)}`);
    this.#socket = socket;
    this.#timers.opening = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(this.#timers.opening);
      this.isOpen = true;
      this.#timers.stable = setTimeout(() => {
        this.#failures = 0;
      }, STABLE_MS);
      this.#schedulePing();
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#timers.pong);
      const events = JSON.parse(data);
      if (!Array.isArray(events)) return; // API Gateway's own errors
      for (const event of events) this.#receive(event);
    };
    socket.onclose = () => this.#closed(socket);
  }

  /** @param {ServerEvent} event */
  #receive(event) {
    if (event.type === "error" && event.code === "too_many_connections") {
      this.isReplaced = true;
      this.#socket?.close();
    }
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
  }

  /** @param {WebSocket} socket */
  #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.isOpen = false;
    for (const name of ["opening", "stable", "ping", "pong"]) clearTimeout(this.#timers[name]);
    if (this.#isClosed) return;
    this.dispatchEvent(new Event("close"));
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
