/**
 * A device for sync_histories.py: the core of packages/client-js, without a socket. The test gives a command a line, and
 * answers the requests.
 */

import { createInterface } from "node:readline";
import { Client, Unreachable } from "../../packages/client-js/src/index.js";

const answers = new Map();
let requests = 0;
let client;
let open = null;

globalThis.fetch = (path) =>
  new Promise((resolve, reject) => {
    const request = ++requests;
    answers.set(request, { resolve, reject });
    tell({ request, path });
  });

const commands = {
  start(user) {
    client = new Client({ api: "", user, token: () => "token" });
    open = null;
  },
  catch_up: () => client.catchUp(),
  async load(folder) {
    await client.sync.loadFolder(folder);
    while (client.sync.nextPages[folder]) await client.sync.loadMore(folder);
  },
  async open(uuid) {
    if (open) client.close(open);
    open = uuid;
    await client.open(uuid);
  },
  async read_back() {
    while (client.store.threads.get(open).older) await client.sync.loadOlder(open);
  },
  receive: (event) => client.live.emit("event", event),
  state() {
    const { store } = client;
    const folders = { inbox: store.inbox, requests: store.folder("requests"), archive: store.folder("archive") };
    if (!open) return { unread: store.unread, open, folders };
    const { handle, display_name, last_seq, read_seq, other_read_seq } = store.conversations.get(open);
    const thread = store.threads.get(open);
    const shown = new Map(thread.messages.map((one) => [one.seq, { ...one, reply_to: thread.quoted(one) }]));
    const messages = [];
    for (let seq = thread.firstSeq; seq <= Math.min(thread.lastSeq, last_seq); seq++) {
      messages.push(shown.get(seq) ?? { seq, hidden: true });
    }
    const marks = { last_seq, read_seq, other_read_seq };
    return { unread: store.unread, open: { messages, handle, display_name, ...marks }, folders };
  },
  previews() {
    const shown = [...client.store.conversations.values()].filter(({ folder }) => folder);
    return Object.fromEntries(shown.map(({ uuid, message }) => [uuid, message]));
  },
};

function tell(line) {
  console.log(JSON.stringify(line));
}

/** Runs a command, and waits until the client requests nothing more. */
async function run(name, values) {
  let result = null;
  try {
    result = await commands[name](...values);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  }
  do await new Promise(setImmediate);
  while (answers.size);
  tell({ result: result ?? null });
}

function answer({ request, body, links }) {
  const { resolve, reject } = answers.get(request);
  answers.delete(request);
  if (!links) return reject(new TypeError("fetch failed"));
  const link = Object.entries(links).map(([name, query]) => `<${query}>; rel="${name}"`);
  resolve({ ok: true, status: 200, headers: new Headers({ Link: link.join(", ") }), json: async () => body });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { command, values, ...rest } = JSON.parse(line);
  if (command) run(command, values);
  else answer(rest);
});
