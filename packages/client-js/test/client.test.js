import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Client, connect, MemoryStorage, Platform, Refused, SignedOut, Unreachable } from "../src/index.js";

const USER = { uuid: "me", handle: "bayko", display_name: "Bayko" };
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
    "GET /api/unread": { messages: 0, message_groups: 0 },
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
  const entry = { uuid: "g", user_uuid: "londo", message: "Old", created_at: "1", last_seq: 1, last_change: 0 };
  one.store.put({ ...entry, read_seq: 0, other_read_seq: null });
  const message = { uuid: "m", seq: 1, user_uuid: "londo", created_at: "1", message: "", change: 1, unsent_at: "2" };
  one.sync.receive({ type: "change", message_group_uuid: "g", change: 1, kind: "unsend", message });
  one.store.put({ ...entry, read_seq: 0, other_read_seq: null });
  await settled();
  const [shown] = one.store.inbox;
  assert.deepEqual([shown.message, shown.unsent, shown.last_change, shown.created_at], ["", true, 1, "1"]);

  answers["GET /api/message_groups/g"] = { ...entry, message: "Present", last_change: 9, other_read_seq: null };
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
