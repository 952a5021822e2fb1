/** Signs people in with the OpenID Connect provider that the messages trust. */

import { createRoot } from "react-dom/client";
import { AuthProvider } from "react-oidc-context";
import { App } from "./App.jsx";

// The local system. In production: the outputs of the stack, and your provider.
const SYSTEM = import.meta.env.VITE_SYSTEM ?? "http://127.0.0.1:4567";
const config = await (await fetch(`${SYSTEM}/config.json`)).json();

createRoot(document.getElementById("root")).render(
  <AuthProvider
    authority={config.issuer}
    client_id={config.client_id}
    redirect_uri={`${location.origin}/`}
    scope="openid profile offline_access"
    onSigninCallback={() => history.replaceState({}, "", "/")}
  >
    <App config={config} />
  </AuthProvider>,
);
