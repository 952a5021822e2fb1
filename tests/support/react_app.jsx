/** A page of somebody's own: the hooks of packages/react with the real React. */

import { connect } from "cruddur-messages";
import { browser } from "cruddur-messages/browser";
import { useConversation, useInbox, useUnread } from "cruddur-messages-react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function Inbox({ client }) {
  const { conversations, hasMore, loadMore } = useInbox(client);
  const { messages } = useUnread(client);
  const [open, setOpen] = useState(null);
  return (
    <main>
      <h1>{messages} unread</h1>
      <ul>
        {conversations.map(({ uuid, display_name, message, unread }) => (
          <li key={uuid}>
            <button type="button" onClick={() => setOpen(uuid)}>
              {display_name}: {message} ({unread})
            </button>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" onClick={loadMore}>
          More
        </button>
      )}
      {open && <Conversation client={client} uuid={open} />}
    </main>
  );
}

function Conversation({ client, uuid }) {
  const conversation = useConversation(client, uuid);
  const { messages, outgoing, error, hasOlder, isOnline, isTyping, send, mark, typing, loadOlder, retry } = conversation;
  const [text, setText] = useState("");
  const last = messages.at(-1)?.seq;
  useEffect(() => {
    if (last) mark();
  }, [last, mark]);
  const submit = (event) => {
    event.preventDefault();
    send(text);
    setText("");
  };
  if (error) {
    return (
      <button type="button" onClick={retry}>
        Try again
      </button>
    );
  }
  return (
    <section>
      <h2>
        {conversation.conversation?.display_name} {isOnline && "is online"} {isTyping && "is typing"}
      </h2>
      {hasOlder && (
        <button type="button" onClick={loadOlder}>
          Older
        </button>
      )}
      {messages.map((message) => (
        <p key={message.uuid}>{message.message}</p>
      ))}
      {outgoing.map((entry) => (
        <p key={entry.message_uuid}>{entry.message} …</p>
      ))}
      <form onSubmit={submit}>
        <input
          aria-label="Message"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            typing();
          }}
        />
      </form>
    </section>
  );
}

const { api, socket, token } = window.settings;
const client = await connect({ api, socket, token: () => token, platform: browser() });
createRoot(document.body.appendChild(document.createElement("div"))).render(
  <StrictMode>
    <Inbox client={client} />
  </StrictMode>,
);
