/** One person's messages: the store, and the modules that keep it in step with the server. */

import { Api } from "./api.js";
import { Emitter } from "./emitter.js";
import { Live } from "./live.js";
import { Outbox, randomUuid } from "./outbox.js";
import { Platform } from "./platform.js";
import { ReadMarks } from "./read_marks.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/**
 * @import {
 *   BlockedPerson, CanWrite, Message, NewReport, Options, Person, Recipient, SentMessage, ServerEvent, SettingsChange
 * } from "./types.js"
 */

const POLL_MS = 10_000; // while there is no socket
const CHECK_MS = 900_000; // while there is one: the very last push may have been lost

/**
 * Fires `connection` when isConnected or isReachable may have changed, and `behind` after each failed attempt to catch up.
 *
 * @extends {Emitter<{ connection: void, behind: void }>}
 */
export class Client extends Emitter {
  /** @type {(() => void)[]} */
  #endings = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #poll;
  #typing;

  /** @param {Options & { user: Person }} options */
  constructor({ api, socket = "", user, token, platform = new Platform(), WebSocket = globalThis.WebSocket }) {
    super();
    if (socket && !WebSocket) throw new Error("There is no WebSocket here. Pass one as `WebSocket`.");
    this.platform = platform;
    this.store = new Store(user);
    this.api = new Api(api, token, platform);
    this.marks = new ReadMarks(this.api);
    this.sync = new Sync(this.api, this.store, this.marks);
    this.outbox = new Outbox(user, this.api, platform);
    this.live = new Live(this.api, socket, platform, WebSocket);
    this.#typing = new Typing(this.store, (frame) => this.live.send(frame));
    this.#listen();
  }

  #listen() {
    const connection = () => this.emit("connection", undefined);
    const online = (/** @type {boolean} */ isOnline) => {
      connection();
      if (!isOnline) return;
      this.api.isReachable = true; // until a request fails
      this.catchUp();
    };
    this.api.on("change", connection);
    this.outbox.on("sent", ({ message }) => this.#sent(message));
    this.outbox.on("changed", ({ entry, message }) => this.store.receive(entry.message_group_uuid ?? "", message));
    this.live.on("open", () => this.#opened());
    this.live.on("close", () => this.store.forgetPresence());
    this.live.on("event", (event) => this.#receive(event));
    this.live.on("open", connection);
    this.live.on("close", connection);
    this.#endings.push(this.platform.on("online", online));
  }

  get isConnected() {
    return this.live.isOpen;
  }

  get isReachable() {
    return this.api.isReachable;
  }

  /** Opens the socket, and polls while there is none. A first view comes before this. */
  goLive() {
    this.outbox.send();
    if (this.live.url) this.live.connect();
    clearInterval(this.#poll);
    this.#poll = setInterval(() => {
      this.store.endMutes();
      if (!this.platform.isVisible) return;
      if (!this.isConnected || this.sync.isBehind) this.catchUp();
      else if (Date.now() - this.sync.checkedAt > CHECK_MS) this.sync.check();
    }, POLL_MS);
  }

  /** Ends everything. Unsent messages stay in the storage. */
  disconnect() {
    clearInterval(this.#poll);
    for (const end of this.#endings) end();
    this.live.close();
    this.outbox.close();
  }

  /** Brings the store up to date, then sends the messages in the outbox. Never throws: `sync.isBehind` says how it went. */
  async catchUp() {
    await this.sync.catchUp();
    if (this.sync.isBehind) this.emit("behind", undefined);
    else this.outbox.send();
  }

  /**
   * Loads a conversation, keeps its messages without a gap from now on, and subscribes to the other person's presence.
   *
   * @param {string} uuid
   */
  async open(uuid) {
    this.#subscribe(uuid);
    await this.sync.open(uuid);
  }

  /** @param {string} uuid */
  close(uuid) {
    this.live.send({ type: "unsubscribe", message_group_uuid: uuid });
    this.sync.close(uuid);
  }

  /**
   * Sends a message as soon as possible, once. Returns its message_uuid.
   *
   * @param {Recipient} recipient
   * @param {string} message
   * @param {{ replyTo?: string }} [options] the message_uuid of a message in the same conversation
   */
  send(recipient, message, { replyTo } = {}) {
    return this.outbox.add(recipient, message, replyTo);
  }

  /**
   * Gives a message another text, unless somebody else does so before.
   *
   * @param {string} message_group_uuid
   * @param {Message} message as the person sees it
   * @param {string} text
   */
  edit(message_group_uuid, { uuid: message_uuid, change, edited_at }, text) {
    return this.outbox.change({ kind: "edit", message_group_uuid, message_uuid, text, seen: { change, edited_at } });
  }

  /**
   * Takes a message back from both people. Until `afterMs` have passed, `outbox.discard` of the id that this returns
   * undoes it.
   *
   * @param {string} message_group_uuid
   * @param {Message} message
   * @param {number} [afterMs]
   */
  unsend(message_group_uuid, { uuid: message_uuid }, afterMs) {
    return this.outbox.change({ kind: "unsend", message_group_uuid, message_uuid }, afterMs);
  }

  /**
   * Hides a message from this person, on all their devices, for ever.
   *
   * @param {string} message_group_uuid
   * @param {Message} message
   */
  hide(message_group_uuid, { uuid: message_uuid }) {
    return this.outbox.change({ kind: "hide", message_group_uuid, message_uuid });
  }

  /**
   * Adds a reaction of this person to a message, or removes it if it is there.
   *
   * @param {string} message_group_uuid
   * @param {Message} message
   * @param {string} emoji
   */
  react(message_group_uuid, message, emoji) {
    const reaction = this.outbox.applied(message).reactions?.find((one) => one.emoji === emoji);
    const kind = reaction?.user_uuids.includes(this.store.me.uuid) ? "unreact" : "react";
    return this.outbox.change({ kind, message_group_uuid, message_uuid: message.uuid, emoji });
  }

  /**
   * Marks a conversation as read up to its last message in the store.
   *
   * @param {string} uuid
   */
  mark(uuid) {
    const conversation = this.store.conversations.get(uuid);
    const thread = this.store.threads.get(uuid);
    if (!thread || !conversation) return;
    const seq = Math.min(thread.lastSeq, conversation.last_seq); // the thread may have hidden messages after that
    if (!seq || (conversation.read_seq >= seq && !conversation.marked_unread)) return;
    this.store.read(uuid, seq);
    this.marks.add(uuid, seq);
  }

  /**
   * Shows the other person that this one is typing. Call it as often as a key is pressed.
   *
   * @param {string} uuid
   */
  typing(uuid) {
    this.#typing.tell(uuid);
  }

  /**
   * Mutes, archives or pins a conversation, or marks it as unread. Throws Unreachable and Refused, as all that follow.
   *
   * @param {string} uuid
   * @param {SettingsChange} change
   */
  async changeMessageGroup(uuid, change) {
    await this.#put("PATCH", `/api/message_groups/${uuid}`, change);
    if ("pinned" in change) await this.sync.loadInbox(); // for the order of the pins
  }

  /**
   * Accepts a request: it moves to the inbox.
   *
   * @param {string} uuid
   */
  async accept(uuid) {
    await this.#put("POST", `/api/message_groups/${uuid}/accept`);
  }

  /**
   * Declines a request: it is in no folder any more, and the other person does not notice.
   *
   * @param {string} uuid
   */
  async decline(uuid) {
    await this.api.request("POST", `/api/message_groups/${uuid}/decline`);
    await this.sync.refresh(uuid);
  }

  /**
   * Leaves a conversation: its history ends here, until its next message begins another.
   *
   * @param {string} uuid
   */
  async leave(uuid) {
    await this.api.request("DELETE", `/api/message_groups/${uuid}`);
    await this.sync.refresh(uuid);
  }

  /**
   * Blocks a person, who does not notice.
   *
   * @param {string} user_uuid
   * @returns {Promise<BlockedPerson>}
   */
  block(user_uuid) {
    return this.#setBlock("PUT", user_uuid);
  }

  /**
   * Ends a block. Messages that were sent meanwhile stay hidden.
   *
   * @param {string} user_uuid
   * @returns {Promise<BlockedPerson>}
   */
  unblock(user_uuid) {
    return this.#setBlock("DELETE", user_uuid);
  }

  /** All people whom this one has blocked. */
  async blocks() {
    /** @type {BlockedPerson[]} */
    const people = [];
    for (let path = "/api/blocks?limit=100"; path; ) {
      const { body, links } = await this.api.get(path);
      people.push(...body);
      path = links.next ?? "";
    }
    return people;
  }

  /**
   * Reports messages to the operators, with copies of their texts. A repetition with the same report_uuid is one report.
   *
   * @param {NewReport} report
   */
  async report(report) {
    await this.api.request("POST", "/api/reports", { report_uuid: randomUuid(), ...report });
  }

  /**
   * Whether the next message to the person with a handle goes through; null for nobody.
   *
   * @param {string} handle
   * @returns {Promise<CanWrite | null>}
   */
  async canWrite(handle) {
    const found = await this.api.find(`/api/message_groups/@${encodeURIComponent(handle)}`);
    return found?.can_write ?? null;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async #put(method, path, body) {
    const reply = await this.api.request(method, path, body);
    this.sync.put(reply.body);
  }

  /**
   * @param {"PUT" | "DELETE"} method
   * @param {string} user_uuid
   */
  async #setBlock(method, user_uuid) {
    const { body } = await this.api.request(method, `/api/blocks/${user_uuid}`);
    const conversation = this.store.ofPerson(user_uuid);
    if (conversation) await this.sync.refresh(conversation.uuid);
    return body;
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
    if (event.type === "typing") this.#typing.show(event.message_group_uuid);
    else if (event.type === "me") this.store.setMe(event);
    else if (event.type === "presence") {
      this.store.setOnline(event.message_group_uuid, event.user_uuid, event.online);
    } else this.sync.receive(event);
    // The other person's presence is shown from their first message on, which this event announces.
    // So is it after the end of a block.
    const isEntry = event.type === "message_group" || event.type === "settings";
    if (isEntry && event.uuid === this.sync.openUuid) this.#subscribe(event.uuid);
  }

  /** @param {string} message_group_uuid */
  #subscribe(message_group_uuid) {
    this.live.send({ type: "subscribe", message_group_uuid });
  }

  /** @param {SentMessage} sent */
  #sent({ message_group_uuid, ...message }) {
    this.sync.receiveMessage(message_group_uuid, message);
  }
}
