/** React hooks for cruddur-messages. Each takes a client of `connect`, and renders again when its answer may have changed. */

import { unread } from "cruddur-messages";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";

/** @import { Client, Emitter } from "cruddur-messages" */

/**
 * The conversations, the newest first, each with the number of its unread messages.
 *
 * @param {Client} client
 */
export function useInbox(client) {
  const changes = useChanges(client.store);
  const conversations = useMemo(
    () => client.store.inbox.map((conversation) => ({ ...conversation, unread: unread(conversation) })),
    [client, changes],
  );
  const loadMore = useCallback(() => client.sync.loadMore(), [client]);
  return { conversations, hasMore: client.sync.nextInboxPage !== null, loadMore };
}

/**
 * The number of unread messages, and of conversations that have some.
 *
 * @param {Client} client
 */
export function useUnread(client) {
  useChanges(client.store);
  return client.store.unread;
}

/**
 * One conversation, open while the component is mounted; a client has one open at a time.
 *
 * `messages` are those that the server has, `outgoing` those on their way, and `error` says why it could not be opened.
 *
 * @param {Client} client
 * @param {string} uuid
 */
export function useConversation(client, uuid) {
  const changes = useChanges(client.store);
  const changesOfOutbox = useChanges(client.outbox);
  const [attempt, setAttempt] = useState(0);
  const [error, setError] = useState(/** @type {Error | null} */ (null));

  useEffect(() => {
    let isCurrent = true;
    setError(null);
    client.open(uuid).catch((reason) => isCurrent && setError(reason));
    return () => {
      isCurrent = false;
      client.close(uuid);
    };
  }, [client, uuid, attempt]);

  const conversation = client.store.conversations.get(uuid);
  const thread = client.store.threads.get(uuid);
  const messages = useMemo(() => [...(thread?.messages ?? [])], [thread, changes]);
  const outgoing = useMemo(
    () =>
      client.outbox.entries.filter((entry) => entry.message_group_uuid === uuid && !thread?.has(entry.message_uuid)),
    [client, uuid, thread, changes, changesOfOutbox],
  );
  const actions = useMemo(
    () => ({
      send: (/** @type {string} */ text) => client.send({ message_group_uuid: uuid }, text),
      mark: () => client.mark(uuid),
      typing: () => client.typing(uuid),
      loadOlder: () => client.sync.loadOlder(uuid),
      retry: () => setAttempt((count) => count + 1),
    }),
    [client, uuid],
  );
  return {
    conversation,
    messages,
    outgoing,
    error,
    hasOlder: Boolean(thread?.older),
    isOnline: Boolean(conversation && client.store.isOnline(conversation.user_uuid)),
    isTyping: client.store.isTyping(uuid),
    ...actions,
  };
}

/**
 * Renders again after each change. Returns how many there were.
 *
 * @param {Pick<Emitter<{ change: any }>, "on" | "fired">} source
 */
function useChanges(source) {
  const subscribe = useCallback((/** @type {() => void} */ listener) => source.on("change", listener), [source]);
  const fired = () => source.fired;
  return useSyncExternalStore(subscribe, fired, fired);
}
