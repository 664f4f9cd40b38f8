// Knows: how a request is written for WebLLM: chats through its own template, raw texts unchanged, output formats by its names.
// Sampling is not included: logit-watch.ts samples the tokens, so WebLLM's own sampling is set to change nothing.
import type {
  ChatCompletionMessageParam,
  ChatCompletionRequestStreaming,
  CompletionCreateParamsStreaming,
} from '@mlc-ai/web-llm'
import { breakControlTokens } from '../../../src/engine/tokenizers/control-tokens.ts'
import { splitReasoning } from '../../../src/pipeline/reasoning/split-reasoning.ts'
import type {
  PromptInput,
  ChatMessage,
  CompletionRequest,
  CompletionResult,
} from '../../../src/domain/completion-request.ts'

/** Sampling settings that do not change the logits. */
export const NO_SAMPLING = {
  temperature: 1,
  top_p: 1,
  repetition_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
} as const

const STREAM = { stream: true, stream_options: { include_usage: true } } as const

/** The start of a reasoning model's answer that turns reasoning off. WebLLM counts it as generated. */
export const EMPTY_REASONING = '<think>\n\n</think>\n\n'

/** Whether a model reasons by default: its reasoning would be taken for the answer. */
export const isReasoning = (model: string): boolean => /^Qwen3(\.5)?-/.test(model)

/** A chat's response, and what a model reasoned before it; the empty reasoning that WebLLM counts is dropped. */
export function readResponse(
  whole: string,
  stop: readonly string[],
): Pick<CompletionResult, 'text' | 'reasoning' | 'unfinishedReasoning'> {
  const { text, reasoning, unfinished } = splitReasoning(whole)
  return {
    text: cutAtStop(text, stop),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(unfinished ? { unfinishedReasoning: true } : {}),
  }
}

/** The response as far as it is written. */
export const readPartial = (whole: string, stop: readonly string[]): string =>
  cutAtStop(splitReasoning(whole, { partial: true }).text, stop)

/** WebLLM encodes a whole chat with its control tokens, so those in a message are broken up. */
const toMessage = ({ role, content }: ChatMessage): ChatCompletionMessageParam => ({
  role,
  content: breakControlTokens(content),
})

export interface ModelTraits {
  readonly model: string
  readonly reasons: boolean
  /** Tokens of `EMPTY_REASONING`. */
  readonly reasoningTokens: number
  /** The start of a raw text: the begin token as text, if the model was trained with one. */
  readonly start: string
}

type ChatInput = Extract<PromptInput, { readonly kind: 'chat' }>

const toChat = (
  { messages }: ChatInput,
  maxTokens: number,
  { model, reasons, reasoningTokens }: ModelTraits,
) => ({
  model,
  messages: messages.map(toMessage),
  max_tokens: maxTokens + (reasons ? reasoningTokens : 0),
  ...NO_SAMPLING,
  ...(reasons ? { extra_body: { enable_thinking: false } } : {}),
})

export function toChatRequest(
  { sampling, format }: CompletionRequest,
  input: ChatInput,
  traits: ModelTraits,
): ChatCompletionRequestStreaming {
  return {
    ...toChat(input, sampling.maxTokens, traits),
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
  { model, start }: ModelTraits,
): CompletionCreateParamsStreaming {
  return {
    model,
    prompt: start + breakControlTokens(text),
    max_tokens: sampling.maxTokens,
    ...NO_SAMPLING,
    ...STREAM,
    ...(sampling.stop.length > 0 ? { stop: [...sampling.stop] } : {}),
  }
}

/** A chat request that computes only the prompt. */
export const toPromptOnly = (input: ChatInput, traits: ModelTraits) => ({
  ...toChat(input, 1, traits),
  stream: false as const,
})

/** The text up to the first stop text: WebLLM cuts at the last one that it finds. */
export function cutAtStop(text: string, stop: readonly string[]): string {
  const positions = stop.map((one) => (one === '' ? -1 : text.indexOf(one))).filter((at) => at >= 0)
  return positions.length === 0 ? text : text.slice(0, Math.min(...positions))
}
