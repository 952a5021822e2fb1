/** React hooks for cruddur-messages. Each takes a client of `connect`, and renders again when its answer may have changed. */

import { unread } from "cruddur-messages";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";

/** @import { Client, Emitter, Folder, SettingsChange } from "cruddur-messages" */

/**
 * The conversations of a folder, each with the number of its unread messages: the pinned first, then the newest.
 * `error` says why another folder than the inbox could not be loaded.
 *
 * @param {Client} client
 * @param {Folder} [folder]
 */
export function useInbox(client, folder = "inbox") {
  const changes = useChanges(client.store);
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    setError(null);
    if (folder !== "inbox") client.sync.loadFolder(folder).catch((reason) => isCurrent && setError(reason));
    return () => {
      isCurrent = false;
    };
  }, [client, folder]);
  const conversations = useMemo(() => {
    const shown = folder === "inbox" ? client.store.inbox : client.store.folder(folder);
    return shown.map((conversation) => ({ ...conversation, unread: unread(conversation) }));
  }, [client, folder, changes]);
  const loadMore = useCallback(() => client.sync.loadMore(folder), [client, folder]);
  return { conversations, hasMore: Boolean(client.sync.nextPages[folder]), loadMore, error };
}

/**
 * The number of unread messages, of conversations that have some, and of requests.
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
  const other = conversation?.user_uuid ?? "";
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
      change: (/** @type {SettingsChange} */ settings) => client.changeMessageGroup(uuid, settings),
      accept: () => client.accept(uuid),
      decline: () => client.decline(uuid),
      leave: () => client.leave(uuid),
      block: () => client.block(other),
      unblock: () => client.unblock(other),
    }),
    [client, uuid, other],
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
