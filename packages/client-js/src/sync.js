/**
 * Keeps the store in step with the server, as docs/sync.md describes. It does not know the socket: the client passes
 * its events on, in any order and however often they come.
 */

import { deduped } from "./deduped.js";
import { Thread, unread } from "./store.js";

/**
 * @import {
 *   ConversationEntry, Folder, HiddenMessage, Links, ListedChange, LiveEntry, Message, ServerEvent
 * } from "./types.js"
 * @import { Api } from "./api.js"
 * @import { ReadMarks } from "./read_marks.js"
 * @import { Store } from "./store.js"
 */

const INBOX_PAGE_SIZE = 30;
const THREAD_PAGE_SIZE = 50;
const LARGE_PAGE_SIZE = 100;
const MAX_UNREAD_LOADED = 1_000; // messages loaded so that a conversation opens at the first unread one

export class Sync {
  /** @type {{ [F in Folder]?: string | null }} Path of the page after those in the store, by folder; null at the end. */
  nextPages = {};
  /** Whether the store may lack something: an attempt to catch up failed. */
  isBehind = false;
  /** When the store last agreed with the server, in milliseconds. */
  checkedAt = 0;

  #dedupe = deduped();
  /** @type {Map<Folder, string>} Paths of the conversations that change from now on, by folder. */
  #monitors = new Map();
  /** @type {Promise<void>} */
  #inboxLoaded = Promise.resolve();
  /** @type {Promise<void> | null} */
  #catchingUp = null;
  /** @type {string | null} */
  #openUuid = null;
  /** @type {ServerEvent[] | null} Events that wait until the store has caught up. */
  #waiting = null;

  /**
   * @param {Api} api
   * @param {Store} store
   * @param {ReadMarks} marks
   */
  constructor(api, store, marks) {
    this.api = api;
    this.store = store;
    this.marks = marks;
  }

  /** Path of the page of the inbox after those in the store; null at the end. */
  get nextInboxPage() {
    return this.nextPages.inbox ?? null;
  }

  /** The conversation on the screen, whose messages are kept without a gap. */
  get openUuid() {
    return this.#openUuid;
  }

  // ------------------------------------------------------------ Pages

  /** Loads the newest conversations of the inbox, the pinned ones among them. */
  loadInbox() {
    this.#inboxLoaded = this.loadFolder("inbox");
    return this.#inboxLoaded;
  }

  /**
   * Loads the newest conversations of a folder, which is kept up to date from then on.
   *
   * @param {Folder} folder
   */
  async loadFolder(folder) {
    const { body, links } = await this.api.get(`${listing(folder)}limit=${INBOX_PAGE_SIZE}`);
    this.#putPage(body);
    if (!(folder in this.nextPages)) this.nextPages[folder] = links.next ?? null;
    if (links.monitor && !this.#monitors.has(folder)) this.#monitors.set(folder, links.monitor);
    if (folder === "inbox") this.#takePins(body, links);
  }

  /**
   * Loads one more page of a folder, if there is one.
   *
   * @param {Folder} [folder]
   */
  async loadMore(folder = "inbox") {
    const path = this.nextPages[folder];
    if (!path) return;
    await this.#dedupe(folder, async () => {
      const { body, links } = await this.api.get(path);
      this.nextPages[folder] = links.next ?? null;
      this.#putPage(body);
    });
  }

  /** @param {ConversationEntry[]} entries */
  #putPage(entries) {
    for (const entry of entries) this.put(entry);
  }

  /**
   * Takes the order of the pins from the top of the inbox.
   *
   * @param {ConversationEntry[]} entries
   * @param {Links} links
   */
  #takePins(entries, links) {
    const pinned = entries.filter((entry) => entry.pinned).map((entry) => entry.uuid);
    this.store.setPins(pinsNumber(links), pinned);
  }

  /**
   * Takes an entry. At the end of a block, messages that were edited meanwhile are shown again.
   *
   * @param {LiveEntry} entry
   */
  put(entry) {
    this.store.put(entry);
    this.#showAgain(entry.uuid);
  }

  /**
   * Loads a conversation's messages again if a block withheld some, and a setting has followed: perhaps it ended that
   * block, and another has begun since.
   *
   * @param {string} uuid
   */
  #showAgain(uuid) {
    const thread = this.store.threads.get(uuid);
    if (!thread || thread.withheldAt >= this.#lastSetting(uuid)) return;
    if (uuid !== this.#openUuid) this.store.threads.delete(uuid);
    else {
      this.#dedupe(uuid, () => this.#load(uuid)).catch(() => {
        this.isBehind = true;
      });
    }
  }

  /** @param {string} uuid */
  #lastSetting(uuid) {
    return this.store.conversations.get(uuid)?.last_setting ?? 0;
  }

  /**
   * Notes messages that a block withholds.
   *
   * @param {string} uuid
   * @param {(Message | HiddenMessage | undefined)[]} messages
   * @param {number} lastSetting when they were requested
   */
  #noteWithheld(uuid, messages, lastSetting) {
    this.store.threads.get(uuid)?.noteWithheld(messages, lastSetting);
    this.#showAgain(uuid);
  }

  /**
   * Loads a conversation's newest messages, and as many older ones as are unread.
   *
   * @param {string} uuid
   */
  async open(uuid) {
    this.#openUuid = uuid;
    if (!this.store.threads.has(uuid)) await this.#dedupe(uuid, () => this.#load(uuid));
    while (this.#lacksUnread(uuid)) await this.loadOlder(uuid);
  }

  /** @param {string} uuid */
  close(uuid) {
    if (this.#openUuid === uuid) this.#openUuid = null;
  }

  /** @param {string} uuid */
  async #load(uuid) {
    if (!this.store.conversations.has(uuid)) await this.#loadConversation(uuid);
    else if (this.store.threads.has(uuid)) await this.refresh(uuid);
    const lastChange = this.store.conversations.get(uuid)?.last_change ?? 0; // the page, read later, may have more
    const setting = this.#lastSetting(uuid);
    const page = await this.api.get(newestPage(uuid));
    const beginsAfter = this.store.conversations.get(uuid)?.begins_after;
    const thread = new Thread(page.body, page.links, lastChange, this.store.hidden(uuid), beginsAfter);
    thread.noteWithheld(page.body, setting);
    this.store.open(uuid, thread);
    for (const message of page.body) this.store.receive(uuid, message);
    // A message or a change may have arrived while the page was on its way.
    await this.#complete(uuid).catch(() => {
      this.isBehind = true;
    });
  }

  /**
   * Waits for the inbox, which may be loading with this conversation in it.
   *
   * @param {string} uuid
   */
  async #loadConversation(uuid) {
    await this.#inboxLoaded.catch(() => {}); // the inbox itself shows the error
    if (!this.store.conversations.has(uuid)) await this.refresh(uuid);
  }

  /**
   * Reads a conversation's entry. The other person's mark does not move the conversation up the inbox.
   *
   * @param {string} uuid
   */
  async refresh(uuid) {
    const { body } = await this.api.get(`/api/message_groups/${uuid}`);
    this.put(body);
  }

  /** @param {string} uuid */
  #lacksUnread(uuid) {
    const thread = this.store.threads.get(uuid);
    const conversation = this.store.conversations.get(uuid);
    if (!thread?.older || !conversation || !unread(conversation)) return false;
    return thread.firstSeq > conversation.read_seq + 1 && thread.messages.length < MAX_UNREAD_LOADED;
  }

  /**
   * Loads the page of messages before those in the store.
   *
   * @param {string} uuid
   */
  loadOlder(uuid) {
    return this.#dedupe(`older ${uuid}`, async () => {
      const older = this.store.threads.get(uuid)?.older;
      if (!older) return;
      const large = older.replace(/([?&]limit=)[^&]*/, `$1${LARGE_PAGE_SIZE}`);
      const setting = this.#lastSetting(uuid);
      const { body, links } = await this.api.get(large);
      this.store.addOlder(uuid, body, links);
      this.#noteWithheld(uuid, body, setting);
    });
  }

  // ------------------------------------------------------------ Catching up

  /** Loads everything that the store may lack. Never throws: isBehind says how it went. */
  catchUp() {
    this.#catchingUp ??= this.#tryToCatchUp();
    return this.#catchingUp;
  }

  async #tryToCatchUp() {
    try {
      await this.#catchUp();
      this.isBehind = false;
      this.checkedAt = Date.now();
    } catch {
      this.isBehind = true;
    }
    this.#catchingUp = null;
  }

  /** Loads all of which an event was lost. */
  async check() {
    this.checkedAt = Date.now();
    try {
      await this.#followAll();
      if (this.#openUuid) await this.#complete(this.#openUuid);
      await this.#agreeOnUnread();
    } catch {
      this.isBehind = true;
    }
  }

  /** Catches up after the socket has opened. Events wait until that is done. */
  async resume() {
    this.#waiting = [];
    await this.#catchingUp; // it began before the socket was open, and may miss something
    await this.catchUp();
    const events = this.#waiting ?? [];
    this.#waiting = null;
    for (const event of events) this.#apply(event);
  }

  async #catchUp() {
    if (!this.#monitors.has("inbox")) await this.loadInbox();
    await this.#followAll();
    for (const uuid of [...this.store.threads.keys()]) {
      if (uuid === this.#openUuid) await this.refresh(uuid).then(() => this.#complete(uuid));
      else this.store.threads.delete(uuid); // loaded again when it opens
    }
    await this.marks.send();
    if (this.#monitors.has("inbox")) await this.#agreeOnUnread();
  }

  async #followAll() {
    for (const folder of this.#monitors.keys()) await this.#follow(folder);
  }

  /**
   * Loads the conversations of a folder that have changed, and those that are in another one now.
   *
   * @param {Folder} folder
   */
  async #follow(folder) {
    for (let path = this.#monitors.get(folder); path; ) {
      const { body, links } = await this.api.get(path);
      this.#putPage(body);
      if (links.monitor) this.#monitors.set(folder, links.monitor);
      const isBack = body.some((/** @type {ConversationEntry} */ one) => one.pinned && this.store.lacksPin(one));
      if (pinsNumber(links) > this.store.lastPins || isBack) await this.loadInbox();
      path = links.next;
    }
  }

  /** Reads a folder again from its top while the server counts other unread messages: marks of another device. */
  async #agreeOnUnread() {
    const { body: truth } = await this.api.get("/api/unread");
    const agrees = (/** @type {("messages" | "message_groups" | "requests")[]} */ ...names) =>
      names.every((name) => this.store.unread[name] === truth[name]);
    await this.#readWhile("inbox", () => !agrees("messages", "message_groups"));
    await this.#readWhile("requests", () => !agrees("requests"));
  }

  /**
   * @param {Folder} folder
   * @param {() => boolean} lacks
   */
  async #readWhile(folder, lacks) {
    for (let path = `${listing(folder)}limit=${LARGE_PAGE_SIZE}`; path && lacks(); ) {
      const { body, links } = await this.api.get(path);
      this.#putPage(body);
      path = links.next ?? "";
      this.nextPages[folder] = path || null;
      if (links.monitor && !this.#monitors.has(folder)) this.#monitors.set(folder, links.monitor);
    }
  }

  /**
   * Loads the messages after those in the store.
   *
   * @param {string} uuid
   */
  #fill(uuid) {
    return this.#dedupe(`fill ${uuid}`, async () => {
      const thread = this.store.threads.get(uuid);
      // The newest page of nothing has no link.
      for (let path = thread && (thread.newer || newestPage(uuid)); path; ) {
        const setting = this.#lastSetting(uuid);
        const { body, links } = await this.api.get(path);
        this.store.addNewer(uuid, body, links);
        this.#noteWithheld(uuid, body, setting);
        path = links.next;
      }
    });
  }

  /**
   * Loads the messages and changes that are known, but not in the store.
   *
   * @param {string} uuid
   */
  async #complete(uuid) {
    const conversation = this.store.conversations.get(uuid);
    const thread = this.store.threads.get(uuid);
    if (!thread || !conversation) return;
    if (thread.lastSeq < conversation.last_seq) await this.#fill(uuid);
    thread.change(conversation.last_change);
    if (thread.lacksChanges || thread.hidden.size < (conversation.hidden ?? 0)) await this.#loadChanges(uuid);
  }

  /**
   * Loads the changes after those in the store.
   *
   * @param {string} uuid
   */
  async #loadChanges(uuid) {
    const thread = this.store.threads.get(uuid);
    for (
      let path = thread && `/api/messages/${uuid}/changes?limit=${LARGE_PAGE_SIZE}&after=${thread.lastChange}`;
      path;
    ) {
      const setting = this.#lastSetting(uuid);
      const { body, links } = await this.api.get(path);
      for (const listed of /** @type {ListedChange[]} */ (body)) {
        if (listed.kind === "hidden") this.store.hide(uuid, listed.seqs);
        else {
          this.store.change(uuid, listed.change, listed.message);
          thread?.list(listed.change, listed.message);
          this.#noteWithheld(uuid, [listed.message], setting);
        }
      }
      path = links.next;
    }
  }

  // ------------------------------------------------------------ Events

  /** @param {ServerEvent} event */
  receive(event) {
    if (this.#waiting) this.#waiting.push(event);
    else this.#apply(event);
  }

  /** @param {ServerEvent} event */
  #apply(event) {
    if (event.type === "message") {
      const { type: _type, message_group_uuid, after, ...message } = event;
      this.receiveMessage(message_group_uuid, message, after);
    } else if (event.type === "message_group" || event.type === "settings") this.#receiveEntry(event);
    else if (event.type === "pins") this.store.setPins(event.number, event.message_group_uuids);
    else if (event.type === "change") this.#receiveChange(event.message_group_uuid, event.change, event.message);
    else if (event.type === "hidden") this.store.hide(event.message_group_uuid, [event.seq]);
    else if (event.type === "read") this.store.mark(event.message_group_uuid, event.user_uuid, event.read_seq);
  }

  /**
   * Takes an entry from an event. After a block it names changes that no event told.
   *
   * @param {LiveEntry} entry
   */
  async #receiveEntry(entry) {
    this.put(entry);
    await this.#complete(entry.uuid).catch(() => {
      this.isBehind = true;
    });
  }

  /**
   * Takes a message from an event, or from the answer to a send.
   *
   * @param {string} uuid
   * @param {Message} message
   * @param {string} [after] the cursor after it
   */
  async receiveMessage(uuid, message, after) {
    try {
      await this.#know(uuid);
      this.store.receive(uuid, message);
      const thread = this.store.threads.get(uuid);
      if (thread?.hasGap) await this.#fill(uuid);
      else if (after && thread?.lastSeq === message.seq) thread.goOnAfter(after);
    } catch {
      this.isBehind = true;
    }
  }

  /**
   * @param {string} uuid
   * @param {number} change
   * @param {Message | HiddenMessage} [message]
   */
  async #receiveChange(uuid, change, message) {
    try {
      await this.#know(uuid);
      const thread = this.store.threads.get(uuid);
      const isIncomplete = this.store.change(uuid, change, message);
      if (thread?.hasGap) await this.#fill(uuid);
      if (isIncomplete) await (thread ? this.#loadChanges(uuid) : this.refresh(uuid));
    } catch {
      this.isBehind = true;
    }
  }

  /**
   * Loads a conversation's entry, if its event was lost, or if a message brings it back into a folder.
   *
   * @param {string} uuid
   */
  async #know(uuid) {
    if (this.store.conversations.get(uuid)?.folder) return;
    const entry = await this.api.find(`/api/message_groups/${uuid}`);
    if (entry) this.put(entry);
  }
}

/** @param {string} uuid */
const newestPage = (uuid) => `/api/messages/${uuid}?limit=${THREAD_PAGE_SIZE}`;

/** @param {Folder} folder */
const listing = (folder) => (folder === "inbox" ? "/api/message_groups?" : `/api/message_groups?folder=${folder}&`);

/**
 * The number of the last change of the pins.
 *
 * @param {Links} links
 */
const pinsNumber = ({ first = "" }) => Number(/[?&]pins=(\d+)/.exec(first)?.[1] ?? 0);
