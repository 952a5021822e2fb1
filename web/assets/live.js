/** The socket: kept open, opened again, and given up where the server has none. */

import { Refused } from "./api.js";

const PING = 270_000; // milliseconds; API Gateway closes a socket that was silent for 10 minutes
const ANSWER = 6_000; // in which a socket that lives answers
const OPENING = 30_000;
const LONGEST_PAUSE = 30_000;
const STABLE = 10_000;

/** Fires `open`, `close`, and `event` with what the server pushed as detail. */
export class Live extends EventTarget {
  #socket = null;
  #timers = {};
  #failures = 0;
  #isConnecting = false;
  isOpen = false;

  /** `url` is the socket's, without its ticket. */
  constructor(api, url) {
    super();
    this.api = api;
    this.url = url;
    this.onwake = () => {
      if (document.visibilityState === "hidden" || !navigator.onLine) return;
      if (this.isOpen) this.#ask();
      else this.connect();
    };
    this.onoffline = () => this.#socket?.close();
    addEventListener("online", this.onwake);
    addEventListener("offline", this.onoffline);
    document.addEventListener("visibilitychange", this.onwake);
  }

  close() {
    this.isClosed = true;
    removeEventListener("online", this.onwake);
    removeEventListener("offline", this.onoffline);
    document.removeEventListener("visibilitychange", this.onwake);
    Object.values(this.#timers).forEach(clearTimeout);
    this.#socket?.close();
  }

  /** Opens the socket, unless it is open or about to be. */
  async connect() {
    if (this.#isConnecting || this.#socket || this.isClosed) return;
    clearTimeout(this.#timers.again);
    this.#isConnecting = true;
    try {
      const { body } = await this.api.request("POST", "/api/connections/ticket");
      if (!this.isClosed) this.#open(body.ticket);
    } catch (error) {
      const hasNone = error instanceof Refused && error.status === 404;
      if (error.name !== "SignedOut" && !hasNone) this.#again();
    } finally {
      this.#isConnecting = false;
    }
  }

  /** Sends a frame if the socket is open; nothing that is sent matters later. */
  send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #open(ticket) {
    const socket = new WebSocket(`${this.url}?ticket=${encodeURIComponent(ticket)}`);
    this.#socket = socket;
    this.#timers.opening = setTimeout(() => socket.close(), OPENING);
    socket.onopen = () => {
      clearTimeout(this.#timers.opening);
      this.isOpen = true;
      this.#timers.stable = setTimeout(() => (this.#failures = 0), STABLE);
      this.#later();
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#timers.answer);
      for (const event of JSON.parse(data)) this.dispatchEvent(new CustomEvent("event", { detail: event }));
    };
    socket.onclose = () => this.#gone(socket);
  }

  #gone(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.isOpen = false;
    for (const name of ["opening", "stable", "ping", "answer"]) clearTimeout(this.#timers[name]);
    if (this.isClosed) return;
    this.dispatchEvent(new Event("close"));
    this.#again();
  }

  #again() {
    const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** this.#failures++);
    clearTimeout(this.#timers.again);
    this.#timers.again = setTimeout(() => this.connect(), pause * (0.5 + Math.random() / 2));
  }

  #later() {
    clearTimeout(this.#timers.ping);
    this.#timers.ping = setTimeout(() => this.#ask(), PING);
  }

  #ask() {
    const socket = this.#socket;
    this.send({ type: "ping" });
    clearTimeout(this.#timers.answer);
    this.#timers.answer = setTimeout(() => {
      socket.close();
      this.#gone(socket); // a dead connection's own `close` may take a minute
    }, ANSWER);
    this.#later();
  }
}
