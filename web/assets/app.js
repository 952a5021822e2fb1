/** The page: reads config.json and shows the view that the path names. */

import { Cognito } from "./cognito.js";
import { loadConfig, reloadIfReplaced } from "./config.js";
import { Refused, SignedOut } from "./cruddur-messages/index.js";
import { el } from "./dom.js";
import { sentence } from "./errors.js";
import { badge, updateTimeZone } from "./format.js";
import { PageClient, pageApi } from "./page_client.js";
import { loadPart } from "./parts.js";
import { Session } from "./session.js";
import { browserStorage, tabStorage } from "./storage.js";
import { applyLanguage, loadMoreTexts, t } from "./texts.js";
import { Conversation } from "./views/conversation.js";
import { Inbox } from "./views/inbox.js";
import { alertPane, emptyPane, failedPane } from "./views/placeholder.js";

/**
 * @import { OpenIdConfig } from "../types.d.ts"
 * @import { Person } from "./cruddur-messages/types.js"
 * @import { NewConversation } from "./views/new.js"
 * @import { Settings } from "./views/settings.js"
 * @import { Profile } from "./views/profile.js"
 * @import { ProviderSignIn } from "./views/provider_sign_in.js"
 * @import { SignIn } from "./views/signin.js"
 */

const CONVERSATION = /^\/messages\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const NEW = /^\/messages\/new(?:\/([^/]+))?$/;
const SETTINGS = "/messages/settings";
const UPDATE_MS = 60_000; // for times like "5 min. ago", and for the date

/** @typedef {{ client: PageClient, inbox: Inbox, shell: HTMLElement, banner: HTMLElement }} Running */
/** @typedef {Conversation | NewConversation | Profile | ProviderSignIn | Settings | SignIn} View */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
applyLanguage();
const { config, provider } = await loadSystem();
const session = new Session(config, provider);
const api = pageApi(config, session);
/** @type {unknown} */
let signInError = null;
/** @type {Running | null} While somebody is signed in. */
let running = null;
/** @type {View | null} The view beside the inbox. */
let view = null;
let isUpdateScheduled = false;

/** Loads config.json and the identity provider that it names. Asks the person to try again while that fails. */
async function loadSystem() {
  for (;;) {
    try {
      const config = await loadConfig();
      return { config, provider: config.issuer === undefined ? new Cognito(config) : await openId(config) };
    } catch (error) {
      const text = sentence(error);
      await new Promise((resolve) =>
        app.replaceChildren(el("main", { className: "signin" }, failedPane(text, resolve))),
      );
    }
  }
}

/** @param {OpenIdConfig} config */
async function openId(config) {
  const [{ OpenId }] = await Promise.all([import("./oidc.js"), loadMoreTexts()]).catch(() => {
    throw new Error(t("part_not_loaded"));
  });
  return new OpenId(config);
}

/**
 * Shows a path, as a click on its link does.
 *
 * @param {string} path
 * @param {{ replace?: boolean }} [options]
 */
function go(path, { replace = false } = {}) {
  if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
  show();
}

/** Shows the list of conversations in place of the view. */
function leave() {
  go(running?.inbox.path ?? "/messages");
}

/**
 * Shows the view of the current path.
 *
 * @param {{ isFirst?: boolean }} [options]
 * @returns {Promise<void>}
 */
async function show({ isFirst = false } = {}) {
  const isTyping = document.activeElement?.matches(".composer textarea");
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  view?.close();
  view = null;
  if (!session.user) return showStart();
  running ??= startClient(session.user);
  updateBanner();
  const { client, inbox, shell } = running;
  const { pathname } = location;
  const uuid = CONVERSATION.exec(pathname)?.[1].toLowerCase();
  const fresh = NEW.exec(pathname);
  const hasPane = Boolean(uuid || fresh || pathname === SETTINGS);
  if (!hasPane) inbox.show(pathname);
  if (!hasPane && pathname !== inbox.path) history.replaceState(null, "", inbox.path);
  inbox.select(uuid);
  shell.classList.toggle("has-pane", hasPane);
  if (uuid) view = new Conversation(client, uuid, (anchor) => openMenu(uuid, anchor), leave);
  else if (hasPane) {
    const { loaded, error } = await load(() => (fresh ? newConversation(client, fresh[1]) : settings(client)));
    if (view || pathname !== location.pathname || client !== running?.client) return; // another view was shown meanwhile
    if (error) return shell.replaceChildren(inbox.element, error);
    view = loaded;
  }
  const shown = view;
  shown?.element.querySelector(".back")?.setAttribute("href", inbox.path);
  shell.replaceChildren(inbox.element, shown?.element ?? emptyPane());
  updateTitle();
  if (isTyping && shown && "composer" in shown) shown.composer.focus();
  else if (!isFirst) (shown ?? inbox).focus();
  try {
    await shown?.open();
  } catch (error) {
    if (shown && shown === view) showError(shown, error);
    return;
  }
  if (!shown || shown !== view) return;
  updateTitle();
  if (isFirst) shown.focus();
}

/**
 * Shows the sign-in, or the form for a first profile to a person who is signed in and has none.
 *
 * @returns {Promise<void>}
 */
async function showStart() {
  const { isSignedIn } = session;
  const { loaded, error } = await load(() => (isSignedIn ? firstProfile() : signIn()));
  if (session.user) return show({ isFirst: true });
  if (session.isSignedIn !== isSignedIn) return; // another view was shown meanwhile
  if (error) return app.replaceChildren(el("main", { className: "signin" }, error));
  view = loaded;
  updateTitle();
  app.replaceChildren(view.element);
  view.focus();
}

// ------------------------------------------------------------ Views that are loaded when they are needed

/**
 * @param {PageClient} client
 * @param {string} handle as the path has it
 * @returns {Promise<View>}
 */
async function newConversation(client, handle = "") {
  const { NewConversation } = await loadPart(import("./views/new.js"), "new");
  return new NewConversation(client, decoded(handle), go);
}

/**
 * @param {PageClient} client
 * @returns {Promise<View>}
 */
async function settings(client) {
  const { Settings } = await loadPart(import("./views/settings.js"), "settings");
  return new Settings(client, session);
}

/**
 * Opens the menu of a conversation beside an element.
 *
 * @param {string} uuid
 * @param {Element} anchor
 */
async function openMenu(uuid, anchor) {
  if (!running) return;
  const { client, banner } = running;
  try {
    const { openConversationMenu } = await loadPart(import("./views/conversation_menu.js"), "dialogs");
    openConversationMenu({ client, uuid, anchor, onleave: leave });
  } catch {
    banner.textContent = t("part_not_loaded");
  }
}

/** @returns {Promise<View>} */
async function signIn() {
  if (!(provider instanceof Cognito)) {
    const { ProviderSignIn } = await loadPart(import("./views/provider_sign_in.js"), "signin");
    return new ProviderSignIn(provider, signInError);
  }
  const { SignIn } = await loadPart(import("./views/signin.js"), "signin");
  return new SignIn(session, provider, () => show({ isFirst: true }));
}

/**
 * Loads the profile of the person who is signed in, and returns the view that asks for one in case there is none.
 *
 * @returns {Promise<View>}
 */
async function firstProfile() {
  const module = loadPart(import("./views/profile.js"), "signin");
  const [{ Profile }, found] = await Promise.all([module, api.find("/api/users/me")]);
  if (found) session.enter(found);
  return new Profile(api, session, () => show({ isFirst: true }));
}

/**
 * Loads a view, or returns what to show in its place if the network fails.
 *
 * @param {() => Promise<View>} loadView
 * @returns {Promise<{ loaded: View, error?: undefined } | { loaded?: undefined, error: HTMLElement }>}
 */
async function load(loadView) {
  try {
    return { loaded: await loadView() };
  } catch {
    return { error: failedPane(t("part_not_loaded"), () => show()) };
  }
}

/**
 * A part of a path, as it is if it is not encoded.
 *
 * @param {string} part
 */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// ------------------------------------------------------------ In place of a view

/**
 * Shows an error in place of a view that could not be loaded.
 *
 * @param {View} shown
 * @param {unknown} error
 */
function showError(shown, error) {
  if (error instanceof SignedOut || !session.user) return;
  const isGone = error instanceof Refused && [400, 404].includes(error.status);
  const all = el("a", { className: "wide primary", href: "/messages" }, t("all_conversations"));
  const pane = isGone
    ? alertPane(t("no_such_conversation"), all)
    : failedPane(t("conversation_not_loaded"), () => show());
  shown.element.replaceWith(pane);
  shown.close();
  view = null;
}

// ------------------------------------------------------------ While somebody is signed in

/**
 * @param {Person} user
 * @returns {Running}
 */
function startClient(user) {
  const client = new PageClient(session.config, session, user);
  const inbox = new Inbox(client, () => session.signOut(), openMenu);
  const shell = el("main", { className: "shell" });
  const banner = el("p", { className: "banner", role: "status" });
  client.on("connection", updateBanner);
  client.on("behind", () => reloadIfReplaced(client.config));
  client.store.on("change", ({ kind }) => {
    if (client !== running?.client) return;
    if (kind === "me") session.enter(client.store.me);
    scheduleUpdate();
  });
  client.live.on("open", () => updateMe(client));
  client.outbox.on("change", scheduleUpdate);
  app.replaceChildren(banner, shell);
  loadInbox(client, inbox);
  return { client, inbox, shell, banner };
}

/**
 * Loads the inbox, then opens the socket.
 *
 * @param {PageClient} client
 * @param {Inbox} inbox
 */
async function loadInbox(client, inbox) {
  await inbox.load();
  if (client === running?.client) client.goLive();
}

/**
 * Loads the person's own profile, which another device may have changed while there was no socket.
 *
 * @param {PageClient} client
 */
async function updateMe({ api, store }) {
  try {
    store.setMe((await api.get("/api/users/me")).body);
  } catch {
    // the name that is shown stays until the next time
  }
}

function updateBanner() {
  if (running) running.banner.textContent = bannerText(running.client);
}

/** @param {PageClient} client */
function bannerText(client) {
  const isRefused = browserStorage.isRefused || tabStorage.isRefused;
  return [connectionText(client), isRefused && t("storage_refused")].filter(Boolean).join(" ");
}

/** @param {PageClient} client */
function connectionText({ isReachable, live }) {
  if (!navigator.onLine) return t("offline");
  if (!isReachable) return t("reconnecting");
  if (live.isReplaced) return t("too_many_connections");
  return "";
}

/** Plans one update for any number of changes. */
function scheduleUpdate() {
  if (isUpdateScheduled) return;
  isUpdateScheduled = true;
  queueMicrotask(() => {
    isUpdateScheduled = false;
    if (!running) return;
    running.inbox.update();
    if (view && "update" in view) view.update();
    updateTitle();
  });
}

function updateTitle() {
  const messages = running?.client.store.unread.messages;
  const count = messages ? `(${badge(messages)}) ` : "";
  document.title = `${count}${view ? `${view.heading} · ` : ""}${t("messages")}`;
}

function stopClient() {
  running?.client.disconnect();
  running?.inbox.close();
  running = null;
}

// ------------------------------------------------------------ Start

session.addEventListener("change", () => {
  stopClient();
  show();
  if (!session.user) reloadIfReplaced(session.config);
});
for (const storage of [browserStorage, tabStorage]) storage.on("change", updateBanner);
const followClock = () => {
  updateTimeZone();
  scheduleUpdate();
};
setInterval(followClock, UPDATE_MS);
document.addEventListener("visibilitychange", followClock);
addEventListener("popstate", () => show());
addEventListener("beforeunload", (event) => {
  if (running?.client.isLostWithTab) event.preventDefault();
});
document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("a[href^='/messages']");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? "");
});
if (!(provider instanceof Cognito) && provider.isAnswered) {
  try {
    session.start(await provider.finish());
  } catch (error) {
    signInError = error;
  }
}
show({ isFirst: true });
