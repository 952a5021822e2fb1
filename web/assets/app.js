/** Begins here: reads config.json, and shows the view that the path names. */

import { Client } from "./client.js";
import { el, icon } from "./dom.js";
import { badge } from "./format.js";
import { Session } from "./session.js";
import { Conversation } from "./views/conversation.js";
import { Inbox } from "./views/inbox.js";

const UUID = /^\/messages\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const NEW = /^\/messages\/new(?:\/([^/]+))?$/;

const app = document.getElementById("app");
let session;
let client;
let inbox;
let shell;
let view;

/** Shows a path, as if its link was followed. */
function go(path, { replace = false } = {}) {
  if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
  return show();
}

async function show({ isFirst = false } = {}) {
  view?.close();
  view = null;
  if (!session.user) return showSignIn();
  if (!client) begin();
  const conversation = UUID.exec(location.pathname)?.[1].toLowerCase();
  const fresh = NEW.exec(location.pathname);
  if (!conversation && !fresh && location.pathname !== "/messages") history.replaceState(null, "", "/messages");
  inbox.select(conversation);
  shell.classList.toggle("has-pane", Boolean(conversation || fresh));
  if (conversation) view = new Conversation(client, conversation);
  else if (fresh) {
    const { NewConversation } = await import("./views/new.js");
    if (!client) return;
    view = new NewConversation(client, fresh[1] && decodeURIComponent(fresh[1]), go);
  }
  const shown = view;
  shell.replaceChildren(inbox.element, shown?.element ?? nothing());
  title();
  if (!isFirst) (shown ?? inbox).focus?.();
  try {
    await shown?.open();
  } catch (error) {
    if (shown === view) lost(shown, error);
    return;
  }
  if (shown !== view) return;
  title();
  if (shown && isFirst) shown.focus();
}

function nothing() {
  return el(
    "section",
    { className: "pane empty-pane", "aria-label": "No conversation is open" },
    icon("talk"),
    el("p", {}, "Choose a conversation, or begin a new one."),
    el("a", { className: "wide primary", href: "/messages/new" }, "New message"),
  );
}

/** In place of a conversation that cannot be shown. */
function lost(shown, error) {
  if (error.name === "SignedOut" || !session.user) return;
  const isGone = error.status === 404 || error.status === 400;
  const again = el("button", { type: "button", className: "wide primary", onclick: () => show() }, "Try again");
  const pane = el(
    "section",
    { className: "pane empty-pane", "aria-label": "The conversation" },
    icon("talk"),
    el("div", { role: "alert" }, el("h1", {}, isGone ? "There is no such conversation." : "It could not be loaded.")),
    isGone ? el("a", { className: "wide primary", href: "/messages" }, "All conversations") : again,
  );
  shown.element.replaceWith(pane);
  shown.close();
  view = null;
}

// ------------------------------------------------------------ Somebody is signed in

function begin() {
  client = new Client(session.config, session);
  inbox = new Inbox(client, { signOut: () => session.signOut() });
  inbox.focus = () => document.getElementById("inbox-title").focus();
  shell = el("main", { className: "shell" });
  const banner = el("p", { className: "banner", role: "status" });
  const connection = () => {
    banner.textContent = navigator.onLine
      ? client.isReachable
        ? ""
        : "The server cannot be reached. Trying again …"
      : "You are offline. What you write is kept, and sent when you are back.";
  };
  client.addEventListener("connection", connection);
  app.replaceChildren(banner, shell);
  client.store.addEventListener("change", later);
  client.outbox.addEventListener("change", later);
  connection();
  const load = async () => {
    try {
      await client.start();
      inbox.loaded();
    } catch (error) {
      inbox.failed(error, load);
    }
    client?.goLive();
  };
  load();
}

let isPlanned = false;

/** Many changes, one update. */
function later() {
  if (isPlanned) return;
  isPlanned = true;
  queueMicrotask(() => {
    isPlanned = false;
    if (!client) return;
    inbox.update();
    view?.update?.();
    title();
  });
}

function title() {
  const { messages } = client.store.unread;
  const count = messages ? `(${badge(messages)}) ` : "";
  document.title = `${count}${view ? `${view.heading} · ` : ""}Messages`;
}

// ------------------------------------------------------------ Nobody is signed in

/** Whoever was signed in is not, or is somebody else. */
function leave() {
  client?.close();
  inbox?.close();
  client = null;
}

async function showSignIn() {
  const { SignIn } = await import("./views/signin.js");
  if (session.user) return show();
  view = new SignIn(session, () => show({ isFirst: true }));
  app.replaceChildren(view.element);
  document.title = "Sign in · Messages";
  view.focus();
}

// ------------------------------------------------------------ Beginning

addEventListener("popstate", () => show());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/messages']");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

const config = await (await fetch("/config.json")).json();
session = new Session(config);
session.addEventListener("change", () => {
  leave();
  show();
});
show({ isFirst: true });
