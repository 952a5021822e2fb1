/** A product with messages: one connection for the person who is signed in. */

import { connect } from "cruddur-messages";
import { browser } from "cruddur-messages/browser";
import { useEffect, useState } from "react";
import { useAuth } from "react-oidc-context";
import { Messages } from "./Messages.jsx";

export function App({ config }) {
  const auth = useAuth();
  const { client, failure } = useClient(config, auth);
  const error = auth.error ?? failure;
  if (error) return <p role="alert">{error.message}</p>;
  if (auth.isLoading) return <p>Signing in …</p>;
  if (!auth.isAuthenticated)
    return (
      <button type="button" onClick={() => auth.signinRedirect()}>
        Sign in
      </button>
    );
  return client ? <Messages client={client} /> : <p>Connecting …</p>;
}

/** The client of the person who is signed in, once it is connected, or the reason why it is not. */
function useClient(config, auth) {
  const [state, setState] = useState({});
  const sub = auth.user?.profile.sub;
  useEffect(() => {
    if (!sub) return;
    let connected = null;
    let isCurrent = true;
    let user = auth.user;
    const token = async ({ renew }) => {
      if (renew || user.expired) user = (await auth.signinSilent()) ?? user;
      return user.id_token; // the local system's audience is this client; otherwise: user.access_token
    };
    connect({ api: config.api, socket: config.socket, token, platform: browser() }).then(
      (client) => {
        connected = client;
        if (isCurrent) setState({ client });
        else client.disconnect();
      },
      (failure) => isCurrent && setState({ failure }),
    );
    return () => {
      isCurrent = false;
      connected?.disconnect();
      setState({});
    };
  }, [config, sub]);
  return state;
}
