/** Shapes of the page's own data. Only `tsc` reads this file. */

interface Common {
  /** The API's address, "" for the page's own. */
  api: string;
  /** The socket's address, "" where there is none. */
  socket: string;
  message_max_chars: number;
  /** At the identity provider. */
  client_id: string;
  /** Only on the local system. */
  demo?: { people: { name: string; handle: string; email: string }[]; password: string };
}

export interface CognitoConfig extends Common {
  cognito: string;
  user_pool_id: string;
  /** Whether people may create an account by themselves. */
  sign_up: boolean;
  issuer?: undefined;
}

export interface OpenIdConfig extends Common {
  issuer: string;
  /** Of the tokens that the API accepts. */
  audience: string;
}

/** config.json. */
export type Config = CognitoConfig | OpenIdConfig;

export interface Tokens {
  /** For the API. */
  token: string;
  refresh_token?: string;
}

/** An identity provider, as far as a session needs it. */
export interface Provider {
  /** Throws ProviderRefused if the refresh token is not valid any more. */
  renew(refresh_token: string): Promise<Tokens>;
  signOut(refresh_token: string): Promise<void>;
  signOutEverywhere?(token: string): Promise<void>;
}
