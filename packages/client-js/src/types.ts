/** Shapes of the API (openapi.yaml, asyncapi.yaml) and of the client itself. */

import type { Platform } from "./platform.js";

export * from "./index.js";

export interface Person {
  uuid: string;
  handle: string;
  display_name: string;
  /** An https URL of a picture. */
  avatar: string | null;
}

/** The person's own profile. */
export type Profile = Person & { receipts: boolean; messages_from: MessagesFrom };

/** How strangers can write to a person. */
export type MessagesFrom = "everyone" | "requests" | "nobody";

/** A person whom this one has blocked; null after the end of the block. */
export type BlockedPerson = Person & { blocked_at: string | null };

/** Whether the person's next message to somebody goes through. */
export type CanWrite = "yes" | "request" | "no";

export interface Message {
  uuid: string;
  /** 1, 2, 3 … in its conversation, without a gap. */
  seq: number;
  user_uuid: string;
  handle: string;
  display_name: string;
  /** Empty if it was unsent. */
  message: string;
  /** ISO 8601 in UTC, with microseconds. */
  created_at: string;
  /** The number of its last change in the conversation; 0 if it never changed. Of two copies the larger one is newer. */
  change: number;
  edited_at?: string;
  /** Then `message` is empty. */
  unsent_at?: string;
  reactions?: Reaction[];
  reply_to?: Quote;
  /** Its earlier texts, oldest first: only from the route of one message, and only if the server keeps them. */
  versions?: { message: string; created_at: string }[];
}

/** A message that the person has hidden from themselves, for ever, or does not see because of a block. */
export interface HiddenMessage {
  seq: number;
  hidden: true;
  /** The number of its last change, only if it is shown again after the block: the other person has edited it. */
  change?: number;
}

export interface Reaction {
  emoji: string;
  user_uuids: string[];
}

/** A message that another one replies to, as far as the server could read it. */
export interface Quote {
  uuid: string;
  seq: number;
  user_uuid?: string;
  message?: string;
  unsent?: true;
  hidden?: true;
}

/** An element of the feed: a change with its message as it is now, or at its end the seqs of all hidden messages. */
export type ListedChange =
  | { kind: "edit" | "unsend" | "reaction"; change: number; message?: Message | HiddenMessage }
  | { kind: "hidden"; seqs: number[] };

/** The answer to a send. */
export type SentMessage = Omit<Message, "versions"> & { message_group_uuid: string };

/** A new message, as it is posted. */
export type NewMessage = Recipient & { message: string; message_uuid: string; reply_to?: string };

/** A read mark, as it is put. */
export interface Mark {
  seq: number;
}

/** An entry of the inbox: the other person, the last message, and how far both have read. */
export interface Conversation {
  uuid: string;
  /** The same. */
  message_group_uuid: string;
  user_uuid: string;
  handle: string;
  display_name: string;
  /** An https URL of the person's picture. */
  avatar: string | null;
  message: string;
  created_at: string;
  last_seq: number;
  read_seq: number;
  /** null if the other person does not show it. */
  other_read_seq: number | null;
  /** The number of the conversation's last change. */
  last_change: number;
  /** null if the person has left the conversation, or declined it. */
  folder: Folder | null;
  /** A time, "forever", or null. */
  muted_until: string | null;
  marked_unread: boolean;
  /** Whether this person blocks the other. */
  blocked: boolean;
  /** The person's history begins after this seq. */
  begins_after: number;
  /** The number of the person's last setting here. Of two copies of the settings the larger one is newer. */
  last_setting: number;
  /** First and last seqs of messages that the person never sees because of a block. */
  unseen?: number[][];
  /** Whether the last message is unsent. */
  unsent?: true;
  /** How many messages the person has hidden here; only in the answer to one conversation. */
  hidden?: number;
}

export type Folder = "inbox" | "requests" | "archive";

/** An entry as the server shows it: with a count that is true at that moment only. */
export type ConversationEntry = Conversation & { unread_count: number; pinned?: boolean };

/** Settings of a conversation to change. */
export interface SettingsChange {
  /** A time with its zone (RFC 3339), "forever", or null. */
  muted_until?: string | null;
  archived?: boolean;
  /** At most ten conversations; the last one pinned is the first. */
  pinned?: boolean;
  marked_unread?: boolean;
}

/** A report to the operators. */
export interface NewReport {
  message_group_uuid: string;
  /** At most 20. */
  message_uuids: string[];
  reason: "spam" | "harassment" | "threat" | "illegal" | "other";
  comment?: string;
  report_uuid?: string;
}

export interface UnreadTotals {
  message_groups: number;
  messages: number;
  /** Requests with unread messages. They are in no other count. */
  requests: number;
}

/** Paths by their relation in the Link header. */
export interface Links {
  next?: string;
  prev?: string;
  monitor?: string;
  /** The top of the inbox; it differs after each change of the pins. */
  first?: string;
}

export interface Reply {
  // biome-ignore lint/suspicious/noExplicitAny: each route has its own body
  body: any;
  links: Links;
}

/** A message in an event, where a quote does not say whether the person has hidden it. */
export type LiveMessage = Omit<Message, "versions">;

/** An entry in an event, which does not know the pins. */
export type LiveEntry = Omit<ConversationEntry, "hidden" | "pinned">;

/** An event that the socket delivers. A number of `pins` that is larger is newer. */
export type ServerEvent =
  | ({ type: "message"; message_group_uuid: string; after: string } & LiveMessage)
  | ({ type: "message_group" } & LiveEntry)
  | ({ type: "settings" } & LiveEntry)
  | { type: "pins"; number: number; message_group_uuids: string[] }
  | {
      type: "change";
      message_group_uuid: string;
      change: number;
      kind: "edit" | "unsend" | "reaction";
      message?: LiveMessage | Omit<HiddenMessage, "change">;
    }
  | { type: "hidden"; message_group_uuid: string; seq: number }
  | { type: "read"; message_group_uuid: string; user_uuid: string; read_seq: number }
  | { type: "typing"; message_group_uuid: string; user_uuid: string }
  | { type: "presence"; message_group_uuid: string; user_uuid: string; online: boolean }
  | ({ type: "me" } & Profile)
  | { type: "pong" }
  | { type: "error"; code: ErrorCode; detail: string };

/** After too_many_connections, this socket closes. */
export type ErrorCode = "unreadable" | "not_found" | "too_large" | "busy" | "too_many_connections";

/** A frame that the client sends through the socket. */
export type Frame = { type: "ping" } | { type: "typing" | "subscribe" | "unsubscribe"; message_group_uuid: string };

/** A conversation by its id, or a person by handle. */
export type Recipient =
  | { message_group_uuid: string; handle?: undefined }
  | { handle: string; message_group_uuid?: undefined };

export type OutboxEntry = Recipient & {
  message_uuid: string;
  message: string;
  created_at: string;
  /** Grows with each entry. */
  order: number;
  /** The message_uuid of the message that it replies to. */
  reply_to?: string;
  /** The server's reason for refusing it. */
  refused?: string;
  /** The first of the codes that it listed. */
  refused_code?: string;
};

/** A change that a person makes to a message. */
export interface MessageChange {
  kind: "edit" | "unsend" | "hide" | "react" | "unreact";
  message_uuid: string;
  /** Without it, the message is still on its way to a handle. */
  message_group_uuid?: string;
  /** Of an edit: the new text. */
  text?: string;
  /** Of an edit: the message as the person saw it; without it, the message is still on its way. */
  seen?: Pick<Message, "change" | "edited_at">;
  emoji?: string;
}

export interface OutboxChange extends MessageChange {
  id: string;
  created_at: string;
  /** Grows with each entry. */
  order: number;
  /** The time in milliseconds from which it may be sent. */
  not_before: number;
}

/** Where unsent messages stay. */
export interface Storage {
  keys(): string[];
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** For a storage that several clients share: runs a task while no other client runs one of that name, and returns its result. */
  alone?<T>(name: string, task: () => Promise<T>): Promise<T>;
  /** For a storage that several clients share: listens for their changes. Returns a function that ends it. */
  onForeignChange?(listener: (key: string) => void): () => void;
}

/**
 * Gives an access token that has not expired. With `renew`, the server has refused the last one, and another is needed.
 * Throws SignedOut if nobody is signed in any more.
 */
export type Token = (options: { renew: boolean }) => string | Promise<string>;

export interface Options {
  /** The API's address, "" for the page's own. */
  api: string;
  /** The socket's address. Without it, the client polls. */
  socket?: string;
  /** The person, as GET /api/users/me answers, if that is known already. */
  user?: Person;
  token: Token;
  /** The device: its network, its screen, its storage. Without it, unsent messages stay in memory. */
  platform?: Platform;
  /** For an engine that has none, as Node 20. */
  WebSocket?: typeof WebSocket;
}
