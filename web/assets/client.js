/** What the page does: keeps the store as the server has it, by requests, and by the socket between them. */

import { Api, Refused } from "./api.js";
import { Live } from "./live.js";
import { Outbox } from "./outbox.js";
import { Store, Thread, unread } from "./store.js";

const INBOX_PAGE = 30;
const THREAD_PAGE = 50;
const OLDER_PAGE = 100;
const UNREAD_AT_MOST = 1_000; // that are loaded so that a conversation opens at the first
const POLL = 10_000; // milliseconds, while there is no socket
const TYPING_SHOWN = 5_000;
const TYPING_SENT = 3_000;

/** Fires `connection` when isConnected or isReachable may have changed. */
export class Client extends EventTarget {
  /** URL of the rest of the inbox, or null when all of it is here. */
  rest = null;
  isReachable = true;
  #monitor = null;
  #catchingUp = null;
  #buffered = null;
  #filling = new Map();
  #loading = new Map();
  #marks = new Map();
  #typing = new Map();
  #typed = 0;
  #current = null;
  #isBehind = false;

  constructor(config, session) {
    super();
    this.config = config;
    this.session = session;
    this.store = new Store(session.user);
    this.api = new Api(config.api, session);
    this.outbox = new Outbox(session.user, this.api);
    this.outbox.addEventListener("sent", ({ detail }) => this.#sent(detail.message));
    const socket = config.socket && new URL(config.socket, location.href.replace(/^http/, "ws")).href;
    this.live = new Live(this.api, socket);
    this.live.addEventListener("open", () => this.#opened());
    this.live.addEventListener("close", () => {
      this.store.forgetWhoIsOnline();
      this.#connection();
    });
    this.live.addEventListener("event", ({ detail }) => this.#event(detail));
    this.ononline = () => {
      this.isReachable = true; // until a request says otherwise
      this.#connection();
      this.catchUp();
    };
    this.onoffline = () => this.#connection();
    addEventListener("online", this.ononline);
    addEventListener("offline", this.onoffline);
  }

  get isConnected() {
    return this.live.isOpen;
  }

  close() {
    this.isClosed = true;
    clearInterval(this.poll);
    removeEventListener("online", this.ononline);
    removeEventListener("offline", this.onoffline);
    this.live.close();
    this.outbox.close();
  }

  /** Asks for what the first view shows of the inbox. */
  start() {
    this.inboxLoaded = this.loadInbox();
    return this.inboxLoaded;
  }

  /** After the first view: goes live. */
  goLive() {
    this.outbox.send();
    if (this.live.url) this.live.connect();
    clearInterval(this.poll);
    this.poll = setInterval(() => {
      const isBehind = !this.isConnected || this.#isBehind;
      if (isBehind && document.visibilityState === "visible") this.catchUp();
    }, POLL);
  }

  /** The newest conversations. */
  async loadInbox() {
    const { body, links } = await this.#get(`/api/message_groups?limit=${INBOX_PAGE}`);
    body.forEach((entry) => this.store.put(entry));
    this.rest ??= links.next ?? null;
    this.#monitor ??= links.monitor ?? null;
  }

  /** One more page of the inbox, if there is one. */
  async loadMore() {
    if (!this.rest) return;
    const { body, links } = await this.#once("inbox", () => this.#get(this.rest));
    body.forEach((entry) => this.store.put(entry));
    this.rest = links.next ?? null;
  }

  /** The conversation with its newest messages, and as many older ones as are unread. */
  async openConversation(uuid) {
    this.#current = uuid;
    this.live.send({ type: "subscribe", message_group_uuid: uuid });
    if (!this.store.threads.has(uuid)) await this.#once(uuid, () => this.#load(uuid));
    while (this.#lacksUnread(uuid)) await this.loadOlder(uuid);
  }

  closeConversation(uuid) {
    this.live.send({ type: "unsubscribe", message_group_uuid: uuid });
    if (this.#current === uuid) this.#current = null;
  }

  async #load(uuid) {
    const known = this.store.conversations.get(uuid);
    const [page] = await Promise.all([
      this.#get(`/api/messages/${uuid}?limit=${THREAD_PAGE}`),
      known ? null : this.#loadConversation(uuid),
    ]);
    this.store.open(uuid, new Thread(page.body, page.links));
    page.body.forEach((message) => this.store.receive(uuid, message));
  }

  /** It may be in the inbox that is being loaded. */
  async #loadConversation(uuid) {
    await this.inboxLoaded.catch(() => {}); // said beside the inbox
    if (!this.store.conversations.has(uuid)) await this.#refresh(uuid);
  }

  /** Reads a conversation's entry: the other person's mark may have moved, which is no change of the inbox. */
  async #refresh(uuid) {
    const { body } = await this.#get(`/api/message_groups/${uuid}`);
    this.store.put(body);
  }

  #lacksUnread(uuid) {
    const thread = this.store.threads.get(uuid);
    const conversation = this.store.conversations.get(uuid);
    const first = conversation.read_seq + 1;
    return unread(conversation) && thread.firstSeq > first && thread.older && thread.messages.length < UNREAD_AT_MOST;
  }

  /** The page of messages before those that are here. */
  loadOlder(uuid) {
    return this.#once(`older ${uuid}`, async () => {
      const thread = this.store.threads.get(uuid);
      if (!thread?.older) return;
      const url = new URL(thread.older);
      url.searchParams.set("limit", OLDER_PAGE);
      const { body, links } = await this.#get(url.href);
      this.store.addOlder(uuid, body, links);
    });
  }

  /** Says that everything in a conversation up to its last message that is here has been seen. */
  markRead(uuid) {
    const seq = this.store.threads.get(uuid)?.lastSeq;
    const conversation = this.store.conversations.get(uuid);
    if (!seq || !conversation || conversation.read_seq >= seq) return;
    this.store.mark(uuid, this.store.me.uuid, seq);
    this.#marks.set(uuid, seq);
    this.#sendMarks();
  }

  /** Tells the other person, now and then, that something is being written. */
  typing(uuid) {
    if (Date.now() - this.#typed < TYPING_SENT) return;
    this.#typed = Date.now();
    this.live.send({ type: "typing", message_group_uuid: uuid });
  }

  /** {uuid, handle, display_name}, or null if nobody has the handle. */
  async findPerson(handle) {
    return this.#orNull(this.#get(`/api/users/@${encodeURIComponent(handle)}/short`));
  }

  /** The id of the conversation with a person, or null. */
  async findConversation(handle) {
    const found = await this.#orNull(this.#get(`/api/message_groups/@${encodeURIComponent(handle)}`));
    return found?.message_group_uuid ?? null;
  }

  /** Brings what is here up to what the server has; only one at a time. */
  catchUp() {
    this.#catchingUp ??= this.#catchUp()
      .then(
        () => (this.#isBehind = false),
        () => (this.#isBehind = true),
      )
      .finally(() => (this.#catchingUp = null));
    return this.#catchingUp;
  }

  async #catchUp() {
    if (!this.#monitor) await this.loadInbox();
    for (let url = this.#monitor; url; ) {
      const { body, links } = await this.#get(url);
      body.forEach((entry) => this.store.put(entry));
      this.#monitor = links.monitor ?? this.#monitor;
      url = links.next;
    }
    for (const uuid of [...this.store.threads.keys()]) {
      if (uuid === this.#current) await Promise.all([this.#fill(uuid), this.#refresh(uuid)]);
      else this.store.threads.delete(uuid); // read anew when it is opened
    }
    await this.#sendMarks();
    this.outbox.send();
    if (this.#monitor) await this.#agreeOnUnread();
  }

  /** Marks that moved elsewhere move no conversation: where the sums differ, the inbox is read again from its top. */
  async #agreeOnUnread() {
    const { body: truth } = await this.#get("/api/unread");
    const agrees = () => {
      const own = this.store.unread;
      return own.messages === truth.messages && own.message_groups === truth.message_groups;
    };
    for (let url = `/api/message_groups?limit=${OLDER_PAGE}`; url && !agrees(); ) {
      const { body, links } = await this.#get(url);
      body.forEach((entry) => this.store.put(entry));
      url = links.next;
      this.rest = url ?? null;
    }
  }

  #fill(uuid) {
    const filling = this.#filling.get(uuid);
    if (filling) return filling;
    const started = this.#fillNow(uuid).finally(() => this.#filling.delete(uuid));
    this.#filling.set(uuid, started);
    return started;
  }

  async #fillNow(uuid) {
    for (let url = this.store.threads.get(uuid)?.newer; url; ) {
      const { body, links } = await this.#get(url);
      this.store.addNewer(uuid, body, links);
      url = links.next;
    }
  }

  #sendMarks() {
    return this.#once("marks", () => this.#sendMarksNow());
  }

  async #sendMarksNow() {
    for (const [uuid, seq] of this.#marks) {
      try {
        await this.api.request("PUT", `/api/message_groups/${uuid}/read`, { seq });
      } catch (error) {
        if (!(error instanceof Refused) || error.isPassing) return; // with the next catching up
      }
      if (this.#marks.get(uuid) === seq) this.#marks.delete(uuid);
    }
  }

  async #opened() {
    this.#connection();
    if (this.#current) this.live.send({ type: "subscribe", message_group_uuid: this.#current });
    this.#buffered = [];
    await this.#catchingUp;
    await this.catchUp();
    const events = this.#buffered ?? [];
    this.#buffered = null;
    events.forEach((event) => this.#apply(event));
  }

  #event(event) {
    if (this.#buffered) this.#buffered.push(event);
    else this.#apply(event);
  }

  #apply(event) {
    const uuid = event.message_group_uuid;
    if (event.type === "message") this.#message(event).catch(() => (this.#isBehind = true));
    else if (event.type === "read") this.store.mark(uuid, event.user_uuid, event.read_seq);
    else if (event.type === "message_group") this.#messageGroup(event);
    else if (event.type === "presence") this.store.setOnline(uuid, event.user_uuid, event.online);
    else if (event.type === "typing") this.#showTyping(uuid);
  }

  /** A conversation was opened, or answered for the first time: from then on the other's presence is told. */
  #messageGroup(event) {
    this.store.put(event);
    if (event.uuid === this.#current) this.live.send({ type: "subscribe", message_group_uuid: event.uuid });
  }

  async #message({ type: _type, message_group_uuid: uuid, after, ...message }) {
    if (!this.store.conversations.has(uuid)) {
      const entry = await this.#orNull(this.#get(`/api/message_groups/${uuid}`));
      if (entry) this.store.put(entry);
    }
    this.store.receive(uuid, message);
    const thread = this.store.threads.get(uuid);
    if (thread?.hasGap) await this.#fill(uuid);
    else if (after && thread?.lastSeq === message.seq) thread.goOnAfter(after);
  }

  #showTyping(uuid) {
    clearTimeout(this.#typing.get(uuid));
    this.store.setTyping(uuid, true);
    this.#typing.set(
      uuid,
      setTimeout(() => this.store.setTyping(uuid, false), TYPING_SHOWN),
    );
  }

  #sent(message) {
    this.#message({ ...message, user_uuid: this.store.me.uuid }).catch(() => (this.#isBehind = true));
  }

  #once(name, load) {
    if (!this.#loading.has(name))
      this.#loading.set(
        name,
        load().finally(() => this.#loading.delete(name)),
      );
    return this.#loading.get(name);
  }

  async #get(path) {
    try {
      const answer = await this.api.get(path);
      this.#reachable(true);
      return answer;
    } catch (error) {
      if (navigator.onLine) this.#reachable(error instanceof Refused && !error.isPassing);
      throw error;
    }
  }

  async #orNull(request) {
    try {
      return (await request).body;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  #reachable(isReachable) {
    if (this.isReachable === isReachable) return;
    this.isReachable = isReachable;
    this.#connection();
  }

  #connection() {
    if (!this.isClosed) this.dispatchEvent(new Event("connection"));
  }
}
