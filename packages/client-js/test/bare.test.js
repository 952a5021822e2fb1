import assert from "node:assert/strict";
import { test } from "node:test";

// An engine like that of React Native: no DOM, no URL, no events, no storage, and of `crypto` only random values.
const kept = crypto.getRandomValues.bind(crypto);
for (const name of ["CustomEvent", "Event", "EventTarget", "Request", "Response", "URL", "URLSearchParams"]) {
  delete globalThis[name];
}
delete AbortSignal.timeout;
Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: kept } });

test("the core needs nothing but fetch, timers and random values", async () => {
  const posted = [];
  globalThis.fetch = async (url, { method, body }) => {
    if (method === "POST") posted.push(JSON.parse(body));
    const answers = {
      "GET https://api/api/unread": { messages: 0, message_groups: 0, requests: 0 },
      "GET https://api/api/users/me": { uuid: "me", handle: "bayko", display_name: "Bayko" },
      "POST https://api/api/messages": { message_group_uuid: "group", uuid: "one", seq: 1 },
    };
    const json = async () => answers[`${method} ${url}`] ?? [];
    return { ok: true, status: 200, headers: { get: () => '<?since=1>; rel="monitor"' }, json };
  };
  const { connect } = await import("../src/index.js");

  const client = await connect({ api: "https://api", token: () => "token" });
  const sent = new Promise((resolve) => client.outbox.on("sent", resolve));
  const message_uuid = client.send({ handle: "londo" }, "Hello");
  await sent;
  client.disconnect();

  assert.deepEqual(posted, [{ handle: "londo", message: "Hello", message_uuid }]);
  assert.match(message_uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
