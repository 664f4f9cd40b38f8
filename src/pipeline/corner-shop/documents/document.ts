// Knows: the training documents of the built-in teacher: texts in the formats of the templates, with the part that has a loss.
import type { ChatMessage, PromptInput } from '../../../domain/completion-request.ts'
import type { Rng } from '../../../domain/rng.ts'
import { chance, pick } from '../draws.ts'

/** A chat whose assistant messages from index `learnFrom` on have a loss; or a plain text with a loss from character `learnFrom` on. */
export type Document =
  | {
      readonly kind: 'chat'
      readonly messages: readonly ChatMessage[]
      readonly learnFrom: number
      /** Weight of each token's loss: a verdict is few tokens among many. Default 1. */
      readonly times?: number
    }
  | { readonly kind: 'raw'; readonly text: string; readonly learnFrom: number }

/** A kind of document. `weight` is its relative frequency. */
export interface DocumentKind {
  readonly name: string
  readonly weight: number
  draw(rng: Rng, options: DrawOptions): Document
}

export interface DrawOptions {
  /** Max items of a document with several: verdicts, comparisons. */
  readonly items: number
  /** Held-out texts: the built-in teacher is evaluated on them. */
  readonly isHeldOut: (text: string) => boolean
}

/** Draws until the text is not held out. */
export function drawAllowed<T extends { readonly text: string }>(
  draw: () => T,
  isHeldOut: DrawOptions['isHeldOut'],
): T {
  for (;;) {
    const drawn = draw()
    if (!isHeldOut(drawn.text)) return drawn
  }
}

/** The messages of an input; only for templates that write a chat. */
export function messagesOf(input: PromptInput): readonly ChatMessage[] {
  if (input.kind !== 'chat') throw new TypeError('This template does not write a chat.')
  return input.messages
}

/** System prompts; one chat in eight has one. */
const SYSTEMS = [
  'You work in a corner shop.',
  'Be friendly and brief.',
  'You answer the customers of a small shop.',
  'You are a helpful assistant.',
  'Answer as the shopkeeper would.',
  'Be exact.',
]

/** A prompt, sometimes after a system prompt. */
export const promptMessages = (prompt: string, rng: Rng): ChatMessage[] => [
  ...(chance(0.125, rng) ? [{ role: 'system' as const, content: pick(SYSTEMS, rng) }] : []),
  { role: 'user', content: prompt },
]

export const assistantMessage = (content: string): ChatMessage => ({ role: 'assistant', content })
