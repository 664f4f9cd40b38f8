// Knows: a message of a chat as templates get it.

export interface ChatMessageText {
  readonly role: string
  readonly content: string
}
