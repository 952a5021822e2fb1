/** One person's messages: the store, and the modules that keep it in step with the server. */

import { Api } from "./api.js";
import { reloadIfReplaced } from "./config.js";
import { Drafts } from "./drafts.js";
import { onDetail } from "./events.js";
import { Live } from "./live.js";
import { Outbox } from "./outbox.js";
import { ReadMarks } from "./read_marks.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/**
 * @import { Config, Person, SentMessage, ServerEvent } from "../types.d.ts"
 * @import { Session } from "./session.js"
 */

const POLL_MS = 10_000; // while there is no socket

/** Fires `connection` when isConnected or isReachable may have changed. */
export class Client extends EventTarget {
  #listeners = new AbortController();
  #poll = 0;

  /**
   * @param {Config} config
   * @param {Session} session
   * @param {Person} me
   */
  constructor(config, session, me) {
    super();
    this.config = config;
    this.store = new Store(me);
    this.api = new Api(config.api, session);
    this.marks = new ReadMarks(this.api);
    this.sync = new Sync(this.api, this.store, this.marks);
    this.outbox = new Outbox(me, this.api);
    this.drafts = new Drafts(me);
    const socket = config.socket && new URL(config.socket, location.href.replace(/^http/, "ws")).href;
    this.live = new Live(this.api, socket);
    this.typing = new Typing(this.store, (frame) => this.live.send(frame));
    this.#listen();
  }

  #listen() {
    const { signal } = this.#listeners;
    const connection = () => this.dispatchEvent(new Event("connection"));
    this.api.addEventListener("change", connection, { signal });
    onDetail(this.outbox, "sent", ({ message }) => this.#sent(message), { signal });
    this.live.addEventListener("open", () => this.#opened(), { signal });
    this.live.addEventListener("close", () => this.store.forgetPresence(), { signal });
    onDetail(this.live, "event", (event) => this.#receive(event), { signal });
    for (const name of ["open", "close"]) this.live.addEventListener(name, connection, { signal });
    for (const name of ["online", "offline"]) addEventListener(name, connection, { signal });
    const online = () => {
      this.api.isReachable = true; // until a request fails
      this.catchUp();
    };
    addEventListener("online", online, { signal });
  }

  get isConnected() {
    return this.live.isOpen;
  }

  get isReachable() {
    return this.api.isReachable;
  }

  /** Whether there are unsent texts that will be lost with this tab. */
  get isLostWithTab() {
    return this.outbox.isLostWithTab || this.drafts.isLostWithTab;
  }

  close() {
    clearInterval(this.#poll);
    this.#listeners.abort();
    this.live.close();
    this.outbox.close();
  }

  /** Opens the socket, and polls while there is none. The first view comes before this. */
  goLive() {
    this.outbox.send();
    if (this.live.url) this.live.connect();
    clearInterval(this.#poll);
    this.#poll = setInterval(() => {
      const isBehind = !this.isConnected || this.sync.isBehind;
      if (isBehind && document.visibilityState === "visible") this.catchUp();
    }, POLL_MS);
  }

  /** Brings the store up to date, then sends the messages in the outbox. */
  async catchUp() {
    await this.sync.catchUp();
    if (this.sync.isBehind) reloadIfReplaced(this.config);
    else this.outbox.send();
  }

  /**
   * Loads a conversation and subscribes to the other person's presence.
   *
   * @param {string} uuid
   */
  async openConversation(uuid) {
    this.#subscribe(uuid);
    await this.sync.open(uuid);
  }

  /** @param {string} uuid */
  closeConversation(uuid) {
    this.live.send({ type: "unsubscribe", message_group_uuid: uuid });
    this.sync.close(uuid);
  }

  /**
   * Marks a conversation as read up to its last message in the store.
   *
   * @param {string} uuid
   */
  markRead(uuid) {
    const seq = this.store.threads.get(uuid)?.lastSeq;
    const conversation = this.store.conversations.get(uuid);
    if (!seq || !conversation || conversation.read_seq >= seq) return;
    this.store.mark(uuid, this.store.me.uuid, seq);
    this.marks.add(uuid, seq);
  }

  /**
   * The person with a handle, or null.
   *
   * @param {string} handle
   * @returns {Promise<Person | null>}
   */
  findPerson(handle) {
    return this.api.find(`/api/users/@${encodeURIComponent(handle)}/short`);
  }

  /**
   * The id of the conversation with a person, or null.
   *
   * @param {string} handle
   * @returns {Promise<string | null>}
   */
  async findConversation(handle) {
    const found = await this.api.find(`/api/message_groups/@${encodeURIComponent(handle)}`);
    return found?.message_group_uuid ?? null;
  }

  async #opened() {
    if (this.sync.openUuid) this.#subscribe(this.sync.openUuid);
    await this.sync.resume();
    if (!this.sync.isBehind) this.outbox.send();
  }

  /** @param {ServerEvent} event */
  #receive(event) {
    if (event.type === "typing") this.typing.show(event.message_group_uuid);
    else if (event.type === "presence") {
      this.store.setOnline(event.message_group_uuid, event.user_uuid, event.online);
    } else this.sync.receive(event);
    // The other person's presence is shown from their first message on, which this event announces.
    if (event.type === "message_group" && event.uuid === this.sync.openUuid) this.#subscribe(event.uuid);
  }

  /** @param {string} message_group_uuid */
  #subscribe(message_group_uuid) {
    this.live.send({ type: "subscribe", message_group_uuid });
  }

  /** @param {SentMessage} sent */
  #sent({ message_group_uuid, ...message }) {
    this.sync.receiveMessage(message_group_uuid, { ...message, user_uuid: this.store.me.uuid });
  }
}
