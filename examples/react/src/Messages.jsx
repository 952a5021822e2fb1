import { useConversation, useInbox, useUnread } from "cruddur-messages-react";
import { useEffect, useState } from "react";

export function Messages({ client }) {
  const { conversations } = useInbox(client);
  const { messages } = useUnread(client);
  const [uuid, setUuid] = useState(null);
  return (
    <>
      <h1>
        {client.store.me.display_name}: {messages} unread
      </h1>
      <NewConversation client={client} />
      <nav>
        {conversations.map((one) => (
          <button key={one.uuid} type="button" aria-current={one.uuid === uuid} onClick={() => setUuid(one.uuid)}>
            {one.display_name} {one.unread > 0 && `(${one.unread})`}
          </button>
        ))}
      </nav>
      {uuid && <Conversation key={uuid} client={client} uuid={uuid} />}
    </>
  );
}

function Conversation({ client, uuid }) {
  const { conversation, messages, outgoing, isTyping, error, retry, send, mark, typing } = useConversation(
    client,
    uuid,
  );
  useEffect(mark, [mark, messages]);
  if (error)
    return (
      <button type="button" onClick={retry}>
        {error.message} Try again
      </button>
    );
  return (
    <>
      <ol>
        {messages.map(({ uuid: key, display_name, message }) => (
          <li key={key}>
            {display_name}: {message}
          </li>
        ))}
        {outgoing.map(({ message_uuid, message, refused }) => (
          <li key={message_uuid}>{refused ?? `${message} …`}</li>
        ))}
      </ol>
      {isTyping && <p>{conversation.display_name} is typing …</p>}
      <TextForm label="Message" onType={typing} onText={send} />
    </>
  );
}

/** Opens a conversation with somebody who has signed in before. */
function NewConversation({ client }) {
  const [note, setNote] = useState("");
  const start = async (handle) => {
    const person = await client.findPerson(handle);
    setNote(person ? "" : `Nobody is called ${handle}.`);
    if (person) client.send({ handle }, "Hello!");
  };
  return (
    <>
      <TextForm label="Say hello to (handle)" onText={start} />
      {note && <p role="alert">{note}</p>}
    </>
  );
}

function TextForm({ label, onText, onType }) {
  const submit = (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    if (text.value.trim()) onText(text.value);
    text.value = "";
  };
  return (
    <form onSubmit={submit}>
      <label>
        {label} <input name="text" autoComplete="off" onInput={onType} />
      </label>
      <button type="submit">Send</button>
    </form>
  );
}
