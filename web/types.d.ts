/** Shapes of the page's own data. Only `tsc` reads this file. */

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
