import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Client, connect, MemoryStorage, Platform, Refused, SignedOut, Unreachable } from "../src/index.js";

const USER = { uuid: "me", handle: "bayko", display_name: "Bayko" };
/** A conversation with londo, at its first message. */
const ENTRY = {
  uuid: "g",
  message_group_uuid: "g",
  user_uuid: "londo",
  handle: "londo",
  display_name: "Londo",
  avatar: null,
  message: "Hello",
  created_at: "2026-11-26T06:00:00.000000+00:00",
  last_seq: 1,
  read_seq: 0,
  unread_count: 1,
  other_read_seq: null,
  last_change: 0,
  folder: "inbox",
  muted_until: null,
  pinned: false,
  marked_unread: false,
  blocked: false,
  begins_after: 0,
  last_setting: 0,
};
/** What the network answers, by method and path without its query: a function of the body, or an answer. */
let answers = {};
let requests = [];

globalThis.fetch = async (url, { method, headers, body }) => {
  const path = url.split("?")[0];
  requests.push({ method, path, token: headers.Authorization, body: body && JSON.parse(body) });
  const answer = answers[`${method} ${path}`];
  if (!answer) throw new TypeError("fetch failed");
  const { status = 200, headers: sent = {}, ...json } = await (typeof answer === "function" ? answer(body) : answer);
  return new Response(JSON.stringify(json.body ?? json), { status, headers: sent });
};

/** A socket that the test opens, closes and speaks through. */
class Socket {
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = url;
    Socket.all.push(this);
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  send(frame) {
    this.sent.push(JSON.parse(frame));
  }

  tell(...events) {
    this.onmessage({ data: JSON.stringify(events) });
  }

  close() {
    this.readyState = 3;
    this.onclose();
  }
}

beforeEach(() => {
  answers = {
    "GET /api/message_groups": { body: [], headers: { Link: '<?since=1>; rel="monitor"' } },
    "GET /api/unread": { messages: 0, message_groups: 0, requests: 0 },
    "GET /api/users/me": USER,
    "POST /api/connections/ticket": { ticket: "ticket" },
  };
  requests = [];
  Socket.all = [];
  mock.timers.reset();
});

function client(options = {}) {
  return new Client({ api: "", user: USER, token: () => "token", ...options });
}

/** Waits for all that needs no timer. */
async function settled() {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

test("a refused token is renewed once for all requests that it was refused to", async () => {
  const asked = [];
  const token = async ({ renew }) => {
    asked.push(renew);
    return renew ? "new" : "old";
  };
  const guarded = () => (requests.at(-1).token === "Bearer new" ? { ok: true } : { status: 401 });
  answers["GET /one"] = guarded;
  answers["GET /two"] = guarded;
  const { api } = client({ token });

  const replies = await Promise.all([api.get("/one"), api.get("/two")]);

  assert.deepEqual(
    replies.map(({ body }) => body),
    [{ ok: true }, { ok: true }],
  );
  assert.deepEqual(asked, [false, false, true]);
});

test("a token that is refused again is an error with its status", async () => {
  answers["GET /one"] = { status: 401, detail: "A bearer token is required." };

  await assert.rejects(client().api.get("/one"), (error) => error instanceof Refused && error.status === 401);
});

test("connect asks who it is, and cannot without an answer", async () => {
  const connected = await connect({ api: "", token: () => "token" });
  assert.deepEqual(connected.store.me, USER);
  connected.disconnect();

  answers = {};
  await assert.rejects(connect({ api: "", token: () => "token" }), Unreachable);
});

test("connect with a known user goes on until the server can be reached", async () => {
  const before = answers;
  answers = {};
  mock.timers.enable({ apis: ["setInterval"] });
  const connected = await connect({ api: "", user: USER, token: () => "token" });
  assert.equal(connected.sync.isBehind, true);
  assert.equal(connected.isReachable, false);

  answers = before;
  mock.timers.tick(10_000);
  await settled();

  assert.equal(connected.sync.isBehind, false);
  assert.equal(connected.isReachable, true);
  connected.disconnect();
});

test("with an open socket a device asks every fifteen minutes for what was lost", async () => {
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  const one = client({ socket: "wss://socket", WebSocket: Socket });
  one.goLive();
  await settled();
  Socket.all[0].open();
  await settled();
  const checked = [];
  for (let seconds = 10; seconds <= 920; seconds += 10) {
    requests = [];
    mock.timers.tick(10_000);
    Socket.all[0].tell({ type: "pong" });
    await settled();
    if (requests.length) checked.push(seconds, ...requests.map(({ path }) => path));
  }

  assert.deepEqual(checked, [910, "/api/message_groups", "/api/unread"]);
  one.disconnect();
});

test("what another client has left in the storage is sent after a while", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  answers["POST /api/messages"] = (body) => ({ message_group_uuid: "g", seq: 1, uuid: JSON.parse(body).message_uuid });
  const storage = new MemoryStorage();
  let changed = () => {};
  storage.onForeignChange = (listener) => {
    changed = listener;
    return () => {};
  };
  const one = client({ platform: new Platform(storage) });
  const entry = { handle: "londo", message: "Left", message_uuid: "m", created_at: "", order: 1 };
  storage.set(`${one.outbox.prefix}m`, JSON.stringify(entry));
  changed(`${one.outbox.prefix}m`);
  await settled();
  assert.deepEqual(requests, []);

  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(
    requests.filter(({ method }) => method === "POST").map(({ body }) => body.message),
    ["Left"],
  );
  assert.deepEqual(one.outbox.entries, []);
  one.disconnect();
});

test("while sending fails, changes of another client begin no second row of attempts", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const storage = new MemoryStorage();
  let changed = () => {};
  storage.onForeignChange = (listener) => {
    changed = listener;
    return () => {};
  };
  const one = client({ platform: new Platform(storage) });
  one.send({ handle: "londo" }, "Hello");
  await settled();
  const pass = async (seconds) => {
    requests = [];
    for (let second = 0; second < seconds; second++) {
      mock.timers.tick(1_000);
      await settled();
    }
    return requests.filter(({ method }) => method === "POST").length;
  };
  await pass(60);
  for (let change = 0; change < 8; change++) {
    changed(`${one.outbox.prefix}another`);
    await pass(11);
  }

  assert.ok((await pass(60)) <= 4);
  one.disconnect();
});

test("a message is sent until it is answered, under the same uuid, and the next one waits", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let failures = 2;
  answers["POST /api/messages"] = (body) => {
    if (failures-- > 0) return { status: 503 };
    const { message, message_uuid } = JSON.parse(body);
    return { uuid: message_uuid, message_group_uuid: "group", user_uuid: "me", seq: 1, message };
  };
  const one = client();
  one.send({ handle: "londo" }, "First");
  one.send({ handle: "londo" }, "Second");
  for (let turn = 0; turn < 3; turn++) {
    await settled();
    mock.timers.tick(2_000);
  }
  await settled();

  const sent = requests.filter(({ method }) => method === "POST").map(({ body }) => body);
  assert.deepEqual(
    sent.map(({ message }) => message),
    ["First", "First", "First", "Second"],
  );
  assert.equal(new Set(sent.map(({ message_uuid }) => message_uuid)).size, 2);
  assert.deepEqual(one.outbox.entries, []);
  one.disconnect();
});

test("a refused message stays, holds up no other, and is sent again or discarded", async () => {
  answers["POST /api/messages"] = (body) =>
    JSON.parse(body).message === "Bad" ? { status: 422, body: ["message_blank"] } : { message_group_uuid: "g", seq: 1 };
  const one = client();
  const uuid = one.send({ handle: "londo" }, "Bad");
  one.send({ handle: "londo" }, "Good");
  await settled();
  assert.deepEqual(
    one.outbox.entries.map(({ message, refused, refused_code }) => [message, refused, refused_code]),
    [["Bad", "Type a message.", "message_blank"]],
  );

  one.outbox.send(uuid);
  await settled();
  assert.equal(requests.filter(({ body }) => body?.message === "Bad").length, 2);
  one.outbox.discard(uuid);
  assert.deepEqual(one.outbox.entries, []);
});

test("changes go once, in order, after their message, and continue from its present state", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let change = 0;
  let lost = 1;
  answers["POST /api/messages"] = (body) => ({
    uuid: JSON.parse(body).message_uuid,
    message_group_uuid: "g",
    seq: 1,
    change,
  });
  const one = client();
  const message_uuid = one.send({ handle: "londo" }, "First");
  const address = `/api/messages/g/${message_uuid}`;
  const answer = () => ({ uuid: message_uuid, seq: 1, change, edited_at: `${change}` });
  answers[`PATCH ${address}`] = (body) => {
    assert.equal(JSON.parse(body).change, change);
    change++;
    return answer();
  };
  answers[`PUT ${address}/reactions/%F0%9F%91%8D`] = () => {
    if (lost-- > 0) throw new TypeError("fetch failed");
    return answer();
  };
  answers[`DELETE ${address}`] = answer;
  one.outbox.change({ kind: "edit", message_uuid, text: "Second" });
  one.outbox.change({ kind: "edit", message_uuid, text: "Third" });
  one.outbox.change({ kind: "react", message_uuid, emoji: "👍" });
  one.outbox.change({ kind: "unsend", message_uuid });
  await settled();
  mock.timers.tick(2_000);
  await settled();

  assert.deepEqual(
    requests.filter(({ method }) => method !== "GET").map(({ method, body }) => `${method} ${body?.message ?? ""}`),
    ["POST First", "PATCH Second", "PATCH Third", "PUT ", "PUT ", "DELETE "],
  );
  assert.deepEqual(one.outbox.changes, []);
  one.disconnect();
});

test("an edit is tried again if only reactions have changed, and otherwise refused", async () => {
  let now = { uuid: "m", seq: 1, change: 7 };
  answers["PATCH /api/messages/g/m"] = (body) =>
    JSON.parse(body).change === now.change ? { ...now, change: 8 } : { status: 412, detail: "It has changed." };
  answers["GET /api/messages/g/m"] = () => now;
  const one = client();
  const refused = [];
  one.outbox.on("refused", ({ entry, reason }) => refused.push([entry.text, reason]));
  one.edit("g", { uuid: "m", change: 3 }, "Mine");
  await settled();
  assert.deepEqual(refused, []);

  now = { ...now, change: 9, edited_at: "later" };
  one.edit("g", { uuid: "m", change: 7 }, "Mine");
  await settled();
  assert.deepEqual(refused, [["Mine", "It has changed."]]);
  assert.deepEqual(one.outbox.changes, []);
});

test("an unsend waits so that it can be undone, and holds up no other message", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  answers["POST /api/messages"] = (body) => ({ message_group_uuid: "g", seq: 2, uuid: JSON.parse(body).message_uuid });
  answers["DELETE /api/messages/g/m"] = { uuid: "m", seq: 1, change: 1, message: "" };
  const one = client();
  const message = { uuid: "m", message: "Secret", change: 0, reactions: [] };
  const id = one.unsend("g", message, 5_000);
  assert.equal(one.outbox.applied(message).message, "");
  one.send({ message_group_uuid: "g" }, "Next");
  await settled();
  one.outbox.discard(id);
  assert.equal(one.outbox.applied(message).message, "Secret");
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(
    requests.map(({ method }) => method).filter((method) => method !== "GET"),
    ["POST"],
  );

  one.unsend("g", message, 5_000);
  await settled();
  mock.timers.tick(5_000);
  await settled();
  assert.ok(requests.some(({ method }) => method === "DELETE"));
  one.disconnect();
});

test("waiting reactions are shown, and the same one again removes it", () => {
  const one = client();
  const message = { uuid: "m", message: "Hello", change: 0, reactions: [{ emoji: "👍", user_uuids: ["londo"] }] };
  one.react("g", message, "👍");
  one.react("g", message, "❤️");
  assert.deepEqual(one.outbox.applied(message).reactions, [
    { emoji: "👍", user_uuids: ["londo", "me"] },
    { emoji: "❤️", user_uuids: ["me"] },
  ]);
  one.react("g", message, "👍");
  one.react("g", message, "❤️");
  assert.deepEqual(one.outbox.applied(message).reactions, message.reactions);
  one.disconnect();
});

test("the preview of a conversation changes in place, and an old entry brings nothing back", async () => {
  const one = client();
  const entry = { ...ENTRY, message: "Old", created_at: "1" };
  one.store.put(entry);
  const message = { uuid: "m", seq: 1, user_uuid: "londo", created_at: "1", message: "", change: 1, unsent_at: "2" };
  one.sync.receive({ type: "change", message_group_uuid: "g", change: 1, kind: "unsend", message });
  one.store.put(entry);
  await settled();
  const [shown] = one.store.inbox;
  assert.deepEqual([shown.message, shown.unsent, shown.last_change, shown.created_at], ["", true, 1, "1"]);

  answers["GET /api/message_groups/g"] = { ...entry, message: "Present", last_change: 9 };
  one.sync.receive({
    type: "change",
    message_group_uuid: "g",
    change: 9,
    kind: "edit",
    message: { ...message, seq: 0 },
  });
  await settled();
  assert.deepEqual([one.store.inbox[0].message, one.store.inbox[0].last_change], ["Present", 9]);
});

test("each setting is one request, and the store has its answer at once", async () => {
  const one = client();
  one.store.put(ENTRY);
  answers["PATCH /api/message_groups/g"] = (body) =>
    JSON.parse(body).archived
      ? { ...ENTRY, folder: "archive", last_setting: 1 }
      : { ...ENTRY, muted_until: "forever", last_setting: 2 };

  await one.changeMessageGroup("g", { archived: true });
  assert.deepEqual([one.store.inbox.length, one.store.folder("archive").length], [0, 1]);
  await one.changeMessageGroup("g", { archived: false, muted_until: "forever" });
  assert.deepEqual([one.store.inbox.length, one.store.folder("archive").length], [1, 0]);
  assert.deepEqual(one.store.unread, { messages: 0, message_groups: 0, requests: 0 });

  assert.deepEqual(
    requests.map(({ method, body }) => [method, body]),
    [
      ["PATCH", { archived: true }],
      ["PATCH", { archived: false, muted_until: "forever" }],
    ],
  );
});

test("a muted conversation counts again when its time is over, and this is told", () => {
  mock.timers.enable({ apis: ["Date", "setInterval"], now: new Date("2026-11-26T06:00:00Z") });
  const one = client();
  one.goLive();
  one.store.put({ ...ENTRY, muted_until: "2026-11-26T07:00:00.000000+00:00" });
  const told = [];
  one.store.on("change", ({ uuid }) => told.push(uuid));

  assert.equal(one.store.unread.messages, 0);
  mock.timers.tick(3_590_000);
  assert.deepEqual(told, []);
  mock.timers.tick(20_000);
  assert.equal(one.store.unread.messages, 1);
  assert.deepEqual(told, ["g"]);
  one.disconnect();
});

test("the pinned come first, in the order of the newest change of the pins", async () => {
  const one = client();
  const older = { ...ENTRY, uuid: "h", message_group_uuid: "h", created_at: "2026-11-25T06:00:00.000000+00:00" };
  answers["GET /api/message_groups"] = {
    body: [{ ...older, pinned: true }, ENTRY],
    headers: { Link: '<?since=1>; rel="monitor", <?pins=2>; rel="first"' },
  };
  await one.sync.loadInbox();
  const order = () => one.store.inbox.map(({ uuid }) => uuid);
  assert.deepEqual(order(), ["h", "g"]);

  one.sync.receive({ type: "pins", number: 4, message_group_uuids: [] });
  one.sync.receive({ type: "pins", number: 3, message_group_uuids: ["g", "h"] });
  assert.deepEqual(order(), ["g", "h"]);
});

test("a request is accepted, declined or blocked", async () => {
  const one = client();
  const request = { ...ENTRY, folder: "requests" };
  one.store.put(request);
  assert.deepEqual(one.store.unread, { messages: 0, message_groups: 0, requests: 1 });
  answers["POST /api/message_groups/g/accept"] = { ...request, folder: "inbox", last_setting: 1 };
  await one.accept("g");
  assert.deepEqual(one.store.unread, { messages: 1, message_groups: 1, requests: 0 });

  answers["POST /api/message_groups/g/decline"] = {
    status: 409,
    detail: "There is no request to decline.",
  };
  await assert.rejects(one.decline("g"), (error) => error instanceof Refused && error.status === 409);

  answers["PUT /api/blocks/londo"] = { ...request, blocked_at: "2026-11-26T06:00:00.000000+00:00" };
  answers["GET /api/message_groups/g"] = { ...ENTRY, message: "", blocked: true, last_setting: 2 };
  await one.block("londo");
  assert.equal(one.store.conversations.get("g").blocked, true);

  answers["DELETE /api/message_groups/g"] = { message_group_uuid: "g" };
  answers["GET /api/message_groups/g"] = { ...ENTRY, folder: null, begins_after: 1, read_seq: 1, last_setting: 3 };
  await one.leave("g");
  assert.deepEqual([one.store.inbox, one.store.with("londo").folder], [[], null]);
});

test("blocked people are listed to the end, and a report has an id that makes it safe to repeat", async () => {
  const one = client();
  let pages = 0;
  answers["GET /api/blocks"] = () => ({
    body: [{ uuid: `${++pages}` }],
    headers: pages < 3 ? { Link: '<?cursor=1>; rel="next"' } : {},
  });
  assert.deepEqual(
    (await one.blocks()).map(({ uuid }) => uuid),
    ["1", "2", "3"],
  );

  answers["POST /api/reports"] = { report_uuid: "r" };
  await one.report({ message_group_uuid: "g", message_uuids: ["m"], reason: "spam" });
  assert.match(requests.at(-1).body.report_uuid, /^[0-9a-f-]{36}$/);
  await one.report({ message_group_uuid: "g", message_uuids: ["m"], reason: "spam", report_uuid: "r" });
  assert.equal(requests.at(-1).body.report_uuid, "r");

  answers["GET /api/message_groups/@londo"] = { can_write: "request" };
  assert.equal(await one.canWrite("londo"), "request");
});

test("marking as read ends the flag of a conversation that is marked as unread", async () => {
  const one = client();
  answers["GET /api/message_groups/g"] = { ...ENTRY, read_seq: 1, marked_unread: true, last_setting: 1 };
  const message = { uuid: "m", seq: 1, user_uuid: "londo", created_at: ENTRY.created_at, message: "Hello", change: 0 };
  answers["GET /api/messages/g"] = { body: [message], headers: { Link: '<?after=1>; rel="monitor"' } };
  answers["PUT /api/message_groups/g/read"] = {};
  await one.open("g");

  one.mark("g");
  one.mark("g");
  await settled();

  assert.deepEqual(
    requests.filter(({ method }) => method === "PUT").map(({ body }) => body),
    [{ seq: 1 }],
  );
  assert.deepEqual(one.store.unread, { messages: 0, message_groups: 0, requests: 0 });
});

test("a message that its receiver does not take stays, with the reason", async () => {
  const one = client();
  answers["POST /api/messages"] = { status: 403, detail: "Your request has not been accepted yet." };
  one.send({ handle: "londo" }, "Please");
  await settled();

  const [entry] = one.outbox.entries;
  assert.deepEqual([entry.message, entry.refused], ["Please", "Your request has not been accepted yet."]);
  assert.equal(one.outbox.isFailing, false);
  assert.equal(requests.length, 1);
});

test("a limit of a minute is waited for, and one of a day is a refusal", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const one = client();
  const detail = "You can open 50 conversations a day.";
  answers["POST /api/messages"] = { status: 429, detail, headers: { "Retry-After": "60" } };
  one.send({ handle: "londo" }, "Hello");
  await settled();
  assert.equal(one.outbox.entries[0].refused, undefined);

  answers["POST /api/messages"] = { status: 429, detail, headers: { "Retry-After": "3600" } };
  mock.timers.tick(62_000);
  await settled();
  assert.equal(one.outbox.entries[0].refused, detail);
});

test("unsent messages stay in the storage for the next client", async () => {
  const storage = new MemoryStorage();
  const first = client({ platform: new Platform(storage) });
  first.send({ handle: "londo" }, "Later");
  await settled();
  first.disconnect();

  assert.deepEqual(
    client({ platform: new Platform(storage) }).outbox.entries.map(({ message }) => message),
    ["Later"],
  );
});

test("when nobody is signed in any more, nothing is tried again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const one = client({
    socket: "wss://socket",
    WebSocket: Socket,
    token: () => {
      asked++;
      throw new SignedOut();
    },
  });
  one.send({ handle: "londo" }, "Hello");
  one.live.connect();
  await settled();
  mock.timers.tick(60_000);
  await settled();

  assert.equal(asked, 2);
  assert.equal(one.outbox.entries.length, 1);
});

test("a socket that closes is opened again with another ticket, and the store catches up", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const one = client({ socket: "wss://socket", WebSocket: Socket });
  one.goLive();
  await settled();
  Socket.all[0].open();
  await settled();
  assert.equal(one.isConnected, true);

  Socket.all[0].close();
  assert.equal(one.isConnected, false);
  mock.timers.tick(500);
  await settled();
  requests = [];
  Socket.all[1].open();
  await settled();

  assert.equal(Socket.all[1].url, "wss://socket?ticket=ticket");
  assert.deepEqual(
    requests.map(({ path }) => path),
    ["/api/message_groups", "/api/unread"],
  );
  one.disconnect();
});

test("a replaced client stays closed until somebody uses the device", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const platform = new Platform();
  const one = client({ socket: "wss://socket", WebSocket: Socket, platform });
  one.goLive();
  await settled();
  Socket.all[0].open();
  Socket.all[0].tell({ type: "error", code: "too_many_connections", detail: "…" });
  mock.timers.tick(60_000);
  await settled();
  assert.equal(Socket.all.length, 1);

  platform.use();
  await settled();
  assert.equal(Socket.all.length, 2);
  one.disconnect();
});

test("without a network nothing is requested, and then everything at once", async () => {
  const platform = new Platform();
  platform.isOnline = false;
  answers["POST /api/messages"] = { message_group_uuid: "group", seq: 1 };
  const one = client({ platform });
  one.send({ handle: "londo" }, "Hello");
  await settled();
  assert.deepEqual(requests, []);

  platform.isOnline = true;
  await settled();
  assert.deepEqual(one.outbox.entries, []);
  assert.equal(one.sync.isBehind, false);
});

test("presence is known while there is a socket, and typing ends by itself", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const one = client({ socket: "wss://socket", WebSocket: Socket });
  const kinds = [];
  one.store.on("change", ({ kind }) => kinds.push(kind));
  one.goLive();
  await settled();
  const [socket] = Socket.all;
  socket.open();
  await settled();
  socket.tell({ type: "presence", message_group_uuid: "group", user_uuid: "londo", online: true });
  socket.tell({ type: "typing", message_group_uuid: "group", user_uuid: "londo" });
  assert.equal(one.store.isOnline("londo"), true);
  assert.equal(one.store.isTyping("group"), true);
  mock.timers.tick(5_000);
  assert.equal(one.store.isTyping("group"), false);

  one.typing("group");
  one.typing("group");
  mock.timers.tick(3_000);
  one.typing("group");
  assert.deepEqual(
    socket.sent.filter(({ type }) => type === "typing"),
    Array(2).fill({ type: "typing", message_group_uuid: "group" }),
  );

  socket.close();
  assert.equal(one.store.isOnline("londo"), undefined);
  assert.deepEqual(kinds, ["presence", "typing", "typing", "presence"]);
  one.disconnect();
});

test("a changed profile of one's own is shown at once", async () => {
  const one = client({ socket: "wss://example.com", WebSocket: Socket });
  const kinds = [];
  one.store.on("change", ({ kind }) => kinds.push(kind));
  one.goLive();
  await settled();
  Socket.all[0].open();
  await settled();

  Socket.all[0].tell({ type: "me", uuid: "me", handle: "bayko_2", display_name: "B", avatar: null, receipts: true });

  assert.deepEqual(one.store.me, { uuid: "me", handle: "bayko_2", display_name: "B", avatar: null });
  assert.equal(kinds.at(-1), "me");
  one.disconnect();
});

test("a socket needs a WebSocket", () => {
  assert.throws(() => client({ socket: "wss://socket", WebSocket: null }), /no WebSocket here/);
});

test("an error of a listener is reported as uncaught, and keeps nobody else from the event", () => {
  const { store } = client();
  const heard = [];
  const reported = mock.method(globalThis, "queueMicrotask", () => {});
  store.on("change", () => {
    throw new Error("mine");
  });
  const end = store.on("change", ({ kind }) => heard.push(kind));

  store.setTyping("group", true);
  end();
  store.setTyping("group", false);
  const { calls } = reported.mock;
  mock.restoreAll();

  assert.deepEqual(heard, ["typing"]);
  assert.throws(calls[0].arguments[0], /mine/);
});
