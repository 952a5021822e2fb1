/** The page: reads config.json and shows the view that the path names. */

import { Refused } from "./api.js";
import { Client } from "./client.js";
import { el, icon } from "./dom.js";
import { badge } from "./format.js";
import { Session, SignedOut } from "./session.js";
import { Conversation } from "./views/conversation.js";
import { Inbox } from "./views/inbox.js";

/**
 * @import { Person } from "../types.d.ts"
 * @import { NewConversation } from "./views/new.js"
 * @import { SignIn } from "./views/signin.js"
 */

const CONVERSATION = /^\/messages\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const NEW = /^\/messages\/new(?:\/([^/]+))?$/;

/** @typedef {{ client: Client, inbox: Inbox, shell: HTMLElement }} Running */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const session = new Session(await (await fetch("/config.json")).json());
/** @type {Running | null} While somebody is signed in. */
let running = null;
/** @type {Conversation | NewConversation | SignIn | null} The view beside the inbox. */
let view = null;
let isUpdateScheduled = false;

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

/**
 * Shows the view of the current path.
 *
 * @param {{ isFirst?: boolean }} [options]
 * @returns {Promise<void>}
 */
async function show({ isFirst = false } = {}) {
  view?.close();
  view = null;
  if (!session.user) return showSignIn();
  running ??= startClient(session.user);
  const { client, inbox, shell } = running;
  const { pathname } = location;
  const uuid = CONVERSATION.exec(pathname)?.[1].toLowerCase();
  const fresh = NEW.exec(pathname);
  if (!uuid && !fresh && pathname !== "/messages") history.replaceState(null, "", "/messages");
  inbox.select(uuid);
  shell.classList.toggle("has-pane", Boolean(uuid || fresh));
  if (uuid) view = new Conversation(client, uuid);
  else if (fresh) {
    const { NewConversation } = await import("./views/new.js");
    if (view || pathname !== location.pathname || client !== running?.client) return; // another view was shown meanwhile
    view = new NewConversation(client, decodeURIComponent(fresh[1] ?? ""), go);
  }
  const shown = view;
  shell.replaceChildren(inbox.element, shown?.element ?? emptyPane());
  updateTitle();
  if (!isFirst) (shown ?? inbox).focus();
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

/** @returns {Promise<void>} */
async function showSignIn() {
  const { SignIn } = await import("./views/signin.js");
  if (session.user) return show();
  view = new SignIn(session, () => show({ isFirst: true }));
  app.replaceChildren(view.element);
  document.title = "Sign in · Messages";
  view.focus();
}

function emptyPane() {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": "No conversation is open" },
    icon("talk"),
    el("p", {}, "Choose a conversation, or start a new one."),
    el("a", { className: "wide primary", href: "/messages/new" }, "New message"),
  );
}

/**
 * Shows an error in place of a view that could not be loaded.
 *
 * @param {Conversation | NewConversation | SignIn} shown
 * @param {unknown} error
 */
function showError(shown, error) {
  if (error instanceof SignedOut || !session.user) return;
  const isGone = error instanceof Refused && [400, 404].includes(error.status);
  const text = isGone ? "There is no such conversation." : "This conversation could not be loaded.";
  const tryAgain = () => show();
  const pane = el(
    "section",
    { className: "pane empty-pane", "aria-label": "Conversation" },
    icon("talk"),
    el("div", { role: "alert" }, el("h1", {}, text)),
    isGone
      ? el("a", { className: "wide primary", href: "/messages" }, "All conversations")
      : el("button", { type: "button", className: "wide primary", onclick: tryAgain }, "Try again"),
  );
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
  const client = new Client(session.config, session, user);
  const inbox = new Inbox(client, () => session.signOut());
  const shell = el("main", { className: "shell" });
  const banner = el("p", { className: "banner", role: "status" });
  const updateBanner = () => {
    banner.textContent = bannerText(client);
  };
  client.addEventListener("connection", updateBanner);
  client.store.addEventListener("change", scheduleUpdate);
  client.outbox.addEventListener("change", scheduleUpdate);
  app.replaceChildren(banner, shell);
  updateBanner();
  loadInbox(client, inbox);
  return { client, inbox, shell };
}

/**
 * Loads the inbox, then opens the socket.
 *
 * @param {Client} client
 * @param {Inbox} inbox
 */
async function loadInbox(client, inbox) {
  try {
    await client.sync.loadInbox();
    inbox.loaded();
  } catch (error) {
    inbox.failed(/** @type {Error} */ (error), () => loadInbox(client, inbox));
  }
  if (client === running?.client) client.goLive();
}

/** @param {Client} client */
function bannerText({ isReachable }) {
  if (!navigator.onLine) return "You are offline. Your messages will be sent when you are back online.";
  return isReachable ? "" : "The server cannot be reached. Trying again …";
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
  document.title = `${count}${view ? `${view.heading} · ` : ""}Messages`;
}

function stopClient() {
  running?.client.close();
  running?.inbox.close();
  running = null;
}

// ------------------------------------------------------------ Start

session.addEventListener("change", () => {
  stopClient();
  show();
});
addEventListener("popstate", () => show());
document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("a[href^='/messages']");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href") ?? "");
});
show({ isFirst: true });
