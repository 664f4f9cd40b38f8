// Knows: what the teacher in the box is trained on: texts in the very shapes of the templates, with what is only read and what is learned.
import type { Asked, ChatMessage } from '../../../domain/model.ts'
import type { Rng } from '../../../domain/rng.ts'
import { chance, pick } from '../draws.ts'

/** A chat, of which the assistant's messages from `learnFrom` on are learned; or a plain text, learned from a character on. */
export type Document =
  | {
      readonly kind: 'chat'
      readonly messages: readonly ChatMessage[]
      readonly learnFrom: number
      /** How often each learned token counts: a verdict is few tokens among many. Default 1. */
      readonly times?: number
    }
  | { readonly kind: 'raw'; readonly text: string; readonly learnFrom: number }

/** A kind of document. `weight` is its share of all documents. */
export interface DocumentKind {
  readonly name: string
  readonly weight: number
  draw(rng: Rng, options: DrawOptions): Document
}

export interface DrawOptions {
  /** Items that a document with several holds at most: verdicts, comparisons. */
  readonly items: number
  /** Texts that must not come: what the box is measured on. */
  readonly isHeldOut: (text: string) => boolean
}

/** Draws again until the text may be learned. */
export function drawAllowed<T extends { readonly text: string }>(
  draw: () => T,
  isHeldOut: DrawOptions['isHeldOut'],
): T {
  for (;;) {
    const drawn = draw()
    if (!isHeldOut(drawn.text)) return drawn
  }
}

/** What is asked as messages; only for templates that write a chat. */
export function messagesIn(asked: Asked): readonly ChatMessage[] {
  if (asked.kind !== 'chat') throw new TypeError('This template writes no chat.')
  return asked.messages
}

/** What a shop may tell its model to be; one chat in eight begins so. */
const SYSTEMS = [
  'You work in a corner shop.',
  'Be friendly and brief.',
  'You answer the customers of a small shop.',
  'You are a helpful assistant.',
  'Answer as the shopkeeper would.',
  'Be exact.',
]

/** A prompt, now and then behind a system prompt. */
export const asks = (prompt: string, rng: Rng): ChatMessage[] => [
  ...(chance(0.125, rng) ? [{ role: 'system' as const, content: pick(SYSTEMS, rng) }] : []),
  { role: 'user', content: prompt },
]

export const says = (content: string): ChatMessage => ({ role: 'assistant', content })
