/** Shapes of the API (openapi.yaml, asyncapi.yaml) and of the page's own data. Only `tsc` reads this file. */

export interface Person {
  uuid: string;
  handle: string;
  display_name: string;
}

export interface Message {
  uuid: string;
  /** 1, 2, 3 … in its conversation, without a gap. */
  seq: number;
  user_uuid: string;
  handle: string;
  display_name: string;
  message: string;
  /** ISO 8601 in UTC, with microseconds. */
  created_at: string;
}

/** The answer to a send. */
export type SentMessage = Omit<Message, "user_uuid"> & { message_group_uuid: string };

/** An entry of the inbox: the other person, the last message, and how far both have read. */
export interface Conversation {
  uuid: string;
  user_uuid: string;
  handle: string;
  display_name: string;
  message: string;
  created_at: string;
  last_seq: number;
  read_seq: number;
  /** null if the other person does not show it. */
  other_read_seq: number | null;
}

export interface UnreadTotals {
  message_groups: number;
  messages: number;
}

/** Absolute URLs by their relation in the Link header. */
export interface Links {
  next?: string;
  prev?: string;
  monitor?: string;
}

export interface Reply {
  // biome-ignore lint/suspicious/noExplicitAny: each route has its own body
  body: any;
  links: Links;
}

/** An event that the socket delivers. */
export type ServerEvent =
  | ({ type: "message"; message_group_uuid: string; after: string } & Message)
  | ({ type: "message_group" } & Conversation)
  | { type: "read"; message_group_uuid: string; user_uuid: string; read_seq: number }
  | { type: "typing"; message_group_uuid: string; user_uuid: string }
  | { type: "presence"; message_group_uuid: string; user_uuid: string; online: boolean }
  | { type: "pong" }
  | { type: "error"; code: string; detail: string }; // too_many_connections: this socket closes

/** A frame that the page sends through the socket. */
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
  /** The server's reason for refusing it. */
  refused?: string;
};

/** config.json. */
export interface Config {
  /** The API's address, "" for the page's own. */
  api: string;
  /** The socket's address, "" where there is none. */
  socket: string;
  cognito: string;
  user_pool_id: string;
  client_id: string;
  message_max_chars: number;
  /** Only on the local system. */
  demo?: { people: { name: string; handle: string; email: string }[]; password: string };
}

/** Cognito's AuthenticationResult. */
export interface Tokens {
  AccessToken: string;
  IdToken: string;
  RefreshToken?: string;
}
