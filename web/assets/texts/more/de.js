/** German: the texts of all that is loaded when it is needed. */

/** @type {import("../../texts.js").MoreTexts} */
export default {
  // the page
  sign_in: "Anmelden",
  saving: "Wird gespeichert …",

  // the menu of a conversation
  mute: "Stummschalten …",
  mute_for: "Stummschalten für",
  one_hour: "1 Stunde",
  eight_hours: "8 Stunden",
  one_week: "1 Woche",
  for_ever: "Immer",
  unmute: "Nicht mehr stumm",
  to_archive: "Archivieren",
  to_inbox: "In den Eingang",
  pin: "Anheften",
  unpin: "Lösen",
  mark_unread: "Als ungelesen markieren",
  block: "Blockieren …",
  unblock: "Freigeben",
  leave: "Verlassen …",

  // dialogs
  block_person: "{name} blockieren?",
  block_note:
    "Du siehst nichts, was {name} schreibt, solange du blockierst, und auch später nicht. {name} erfährt davon nichts.",
  block_now: "Blockieren",
  leave_person: "Die Unterhaltung mit {name} verlassen?",
  leave_note:
    "Ihre Nachrichten verschwinden für immer von allen deinen Geräten. {name} behält sie und erfährt davon nichts. Eine neue Nachricht bringt die Unterhaltung zurück, ohne die alten.",
  leave_now: "Verlassen",
  report_person: "{name} melden",
  report_note:
    "Wer dieses System betreibt, erhält eine Kopie der ausgewählten Nachrichten. {name} erfährt davon nichts.",
  reported_messages: "Nachrichten (bis zu {count})",
  nothing_to_report: "Es gibt keine Nachricht zu melden.",
  nothing_chosen: "Wähle mindestens eine Nachricht.",
  reason: "Grund",
  spam: "Spam",
  harassment: "Belästigung",
  threat: "Drohung",
  illegal: "Etwas Verbotenes",
  other_reason: "Etwas anderes",
  comment: "Kommentar (freiwillig)",
  send_report: "Meldung senden",
  report_sent: "Danke. Deine Meldung wurde gesendet.",
  close: "Schließen",

  // in place of the composer, and above it
  request_note: "{name} möchte dir schreiben. Bis du annimmst, sieht {name} nicht, dass du das gelesen hast.",
  accept: "Annehmen",
  decline: "Ablehnen",
  blocked_note: "Du hast {name} blockiert.",
  waiting_note: "{name} hat deine Anfrage noch nicht angenommen. Bis dahin kannst du nichts weiter schreiben.",
  will_be_request: "Deine Nachrichten sind eine Anfrage, bis {name} annimmt: Du kannst bis zu drei senden.",
  cannot_write:
    "Du kannst {name} nicht schreiben: Neue Unterhaltungen sind nicht erwünscht, oder du hast diese Person blockiert.",

  // a new conversation
  to: "An",
  people: "Personen",
  at_handle: "@benutzername",
  found: { one: "{count} gefunden", other: "{count} gefunden" },
  nobody: "Niemand hat den Benutzernamen {handle}.",
  first_message: "Deine erste Nachricht beginnt die Unterhaltung.",

  // settings
  name: "Name",
  handle: "Benutzername",
  handle_note: "Bis zu 30 Buchstaben, Ziffern, Punkte, Binde- und Unterstriche. Andere finden dich darüber.",
  picture: "Adresse eines Bildes",
  picture_note: "Beginnt mit https://. Personen, mit denen du schreibst, laden es von dort. Leer für deine Initialen.",
  saved: "Gespeichert.",
  read_receipts: "Lesebestätigungen",
  read_receipts_note:
    "Wenn sie aus sind, sehen andere nicht, was du gelesen hast, ob du online bist und ob du schreibst.",
  read_receipts_on: "Lesebestätigungen sind an.",
  read_receipts_off: "Lesebestätigungen sind aus.",
  messages_from: "Neue Unterhaltungen",
  messages_from_note: "Personen, denen du geschrieben hast, können dir immer schreiben.",
  from_everyone: "Alle können mir schreiben",
  from_requests: "Fremde stellen zuerst eine Anfrage",
  from_nobody: "Fremde können mir nicht schreiben",
  blocked_people: "Blockierte Personen",
  nobody_blocked: "Du hast niemanden blockiert.",
  unblock_person: "{name} freigeben",
  sign_out_everywhere: "Auf allen Geräten abmelden",
  sign_out_note:
    "Dieses Gerät wird sofort abgemeldet, die anderen, wenn ihr Zugang erneuert wird: innerhalb einer Stunde.",
  signing_out: "Abmeldung läuft …",

  // a first profile
  welcome: "Willkommen",
  welcome_note: "Wähle, wie andere dich sehen.",
  no_profile: "Dein Konto hat noch kein Profil. Bitte die Person, die dieses System betreibt, darum.",

  // signing in
  email: "E-Mail",
  password: "Passwort",
  one_moment: "Einen Moment …",
  sign_in_as: "Oder anmelden als",
  proceed: "Weiter",
  totp: "Code aus deiner Authenticator-App",
  totp_setup: "Füge diesen Schlüssel einer Authenticator-App hinzu und gib den Code ein, den sie zeigt",
  new_password: "Wähle ein neues Passwort",
  password_note: "Mindestens 12 Zeichen: Klein- und Großbuchstaben, Ziffern und Sonderzeichen.",
  create_account: "Konto anlegen",
  forgot_password: "Passwort vergessen?",
  back_to_sign_in: "Zurück zur Anmeldung",
  send_code: "Code anfordern",
  code_from_email: "Code aus der E-Mail",
  code_sent: "Ein Code ist unterwegs an {address}.",
  new_code: "Neuen Code senden",
  new_code_sent: "Ein neuer Code ist unterwegs an {address}.",

  // errors
  user_receiver_is_self: "Du kannst dir nicht selbst schreiben.",
  pins_exceed_max: "Du kannst höchstens zehn Unterhaltungen anheften.",
  handle_invalid: "Dieser Benutzername ist nicht möglich.",
  handle_taken: "Dieser Benutzername ist vergeben.",
  display_name_invalid: "Dieser Name ist nicht möglich.",
  avatar_invalid: "Die Adresse des Bildes muss mit https:// beginnen.",
  wrong_password: "E-Mail oder Passwort ist falsch.",
  wrong_code: "Dieser Code ist falsch.",
  expired_code: "Dieser Code gilt nicht mehr. Fordere einen neuen an.",
  bad_password: "Dieses Passwort entspricht nicht den Regeln.",
  account_exists: "Mit dieser E-Mail-Adresse gibt es schon ein Konto.",
  too_many_attempts: "Zu viele Versuche. Versuche es später noch einmal.",
  missing_attributes: "Deinem Konto fehlt {names}. Bitte die Person, die es angelegt hat, das zu ergänzen.",
  unknown_challenge: "Diese Seite kann die Frage {challenge} nicht beantworten.",
  provider_refused: "Die Anmeldung wurde abgelehnt: {reason}",
  provider_unreachable: "Der Anmeldedienst ist nicht erreichbar.",
  sign_in_mixed_up: "Diese Anmeldung wurde nicht hier begonnen. Melde dich noch einmal an.",
};
