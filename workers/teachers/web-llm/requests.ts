// Knows: how a request of ours is put to WebLLM: chats through its own template, raw texts as they stand, forms as it names them.
// Sampling is not among it: tokens are drawn by logit-watch.ts, so WebLLM's own is told to change nothing.
import type {
  ChatCompletionMessageParam,
  ChatCompletionRequestStreaming,
  CompletionCreateParamsStreaming,
} from '@mlc-ai/web-llm'
import type { Asked, ChatMessage, CompletionRequest } from '../../../src/domain/model.ts'

/** Sampling that leaves logits as they are. */
export const NO_SAMPLING = {
  temperature: 1,
  top_p: 1,
  repetition_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
} as const

const STREAM = { stream: true, stream_options: { include_usage: true } } as const

/** What a model that would think aloud begins its answer with, so that it does not. WebLLM counts it as written. */
export const NO_THOUGHTS = '<think>\n\n</think>\n\n'

/** Models that think aloud unless told not to: what they think would be taken for the answer. */
export const isThinking = (model: string): boolean => /^Qwen3(\.5)?-/.test(model)

/** The answer without the empty thoughts that stand before it. */
export const dropThoughts = (text: string): string => text.replace(/^\s*<think>\s*<\/think>\s*/, '')

const toMessage = ({ role, content }: ChatMessage): ChatCompletionMessageParam => ({ role, content })

export interface Put {
  readonly model: string
  readonly thinking: boolean
  /** Tokens of `NO_THOUGHTS`. */
  readonly thoughtTokens: number
  /** What a raw text begins with: the begin token as text, where the model was trained with one. */
  readonly start: string
}

type ChatAsked = Extract<Asked, { readonly kind: 'chat' }>

const toChat = ({ messages }: ChatAsked, maxTokens: number, { model, thinking, thoughtTokens }: Put) => ({
  model,
  messages: messages.map(toMessage),
  max_tokens: maxTokens + (thinking ? thoughtTokens : 0),
  ...NO_SAMPLING,
  ...(thinking ? { extra_body: { enable_thinking: false } } : {}),
})

export function toChatRequest(
  { sampling, format }: CompletionRequest,
  asked: ChatAsked,
  put: Put,
): ChatCompletionRequestStreaming {
  return {
    ...toChat(asked, sampling.maxTokens, put),
    ...STREAM,
    ...(sampling.stop.length > 0 ? { stop: [...sampling.stop] } : {}),
    ...(format === undefined
      ? {}
      : {
          response_format:
            format.kind === 'grammar'
              ? { type: 'grammar', grammar: format.ebnf }
              : { type: 'json_object', schema: format.schema },
        }),
  }
}

export function toRawRequest(
  { sampling }: CompletionRequest,
  text: string,
  { model, start }: Put,
): CompletionCreateParamsStreaming {
  return {
    model,
    prompt: start + text,
    max_tokens: sampling.maxTokens,
    ...NO_SAMPLING,
    ...STREAM,
    ...(sampling.stop.length > 0 ? { stop: [...sampling.stop] } : {}),
  }
}

/** A chat of which only what stands before the answer is computed. */
export const toPromptOnly = (asked: ChatAsked, put: Put) => ({
  ...toChat(asked, 1, put),
  stream: false as const,
})

/** The text up to the first stop text: WebLLM cuts at the last one it finds. */
export function cutAtStop(text: string, stop: readonly string[]): string {
  const places = stop.map((one) => (one === '' ? -1 : text.indexOf(one))).filter((at) => at >= 0)
  return places.length === 0 ? text : text.slice(0, Math.min(...places))
}
