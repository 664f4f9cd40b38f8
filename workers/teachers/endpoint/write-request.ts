// Knows: how a request is written in OpenAI's protocol with the extensions that a server supports.
// Must not know: how it is sent, how responses are read.
import type { OutputFormat, PromptInput, CompletionRequest } from '../../../src/domain/completion-request.ts'
import type { Sampling } from '../../../src/domain/sampling.ts'
import { hashOf, type Json } from '../../../src/domain/hash.ts'
import type { ServerCapabilities } from './server-capabilities.ts'
import type { Body } from './json.ts'

/** Stop texts that the protocol allows; all of them are also searched for here. */
const MAX_STOPS = 4

/** Window of the repetition penalty in tokens: llama.cpp's default is 64, and some builds refuse −1, which means all. */
export const PENALTY_WINDOW = 32_768

/** A seed in the form that servers accept: 31 bits of a hash of the row's seed. */
export const seedOf = (rngSeed: string): number =>
  Number.parseInt(hashOf(['endpoint seed', rngSeed]).slice(0, 8), 16) & 0x7fff_ffff

/** A request's path and body. */
export interface ServerRequest {
  readonly path: '/chat/completions' | '/completions'
  readonly body: Body
}

/** Throws a RangeError for a schema that is not JSON. */
export function writeRequest(
  { input, sampling, logProbs, format, thinking = false }: CompletionRequest,
  model: string,
  server: ServerCapabilities,
): ServerRequest {
  const { reasoning } = server
  const isChat = input.kind === 'chat'
  // Servers look for stop texts in the reasoning too; here they count in the response only.
  const mayReason = isChat && (reasoning.isAlwaysOn || (thinking && reasoning.canReason))
  return {
    path: pathOf(input),
    body: {
      model,
      ...writeInput(input),
      ...(isChat ? (thinking ? reasoning.on : reasoning.off) : {}),
      ...writeSampling(mayReason ? { ...sampling, stop: [] } : sampling, server),
      ...writeLogProbs(input, logProbs),
      ...(format ? writeFormat(format, server) : {}),
      stream: true,
      ...(server.countsTokens ? { stream_options: { include_usage: true } } : {}),
    },
  }
}

export const pathOf = ({ kind }: PromptInput): ServerRequest['path'] =>
  kind === 'chat' ? '/chat/completions' : '/completions'

export const writeInput = (input: PromptInput): Body =>
  input.kind === 'chat'
    ? { messages: input.messages.map(({ role, content }) => ({ role, content })) }
    : { prompt: input.text }

/** Supported extensions are always set: servers have their own defaults (llama.cpp: top-k 40 and min-p 0.05). */
function writeSampling(
  { temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, rngSeed }: Sampling,
  { extensions, seeded, usesMaxCompletionTokens }: ServerCapabilities,
): Body {
  const stops = stop.filter((text) => text !== '').slice(0, MAX_STOPS)
  return {
    temperature,
    top_p: topP,
    ...(usesMaxCompletionTokens ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(stops.length > 0 ? { stop: stops } : {}),
    ...(seeded ? { seed: seedOf(rngSeed) } : {}),
    ...(extensions.includes('top_k') ? { top_k: topK } : {}),
    ...(extensions.includes('min_p') ? { min_p: minP } : {}),
    // Servers use two names for the penalty.
    ...(extensions.includes('repetition')
      ? {
          repeat_penalty: repetitionPenalty,
          repetition_penalty: repetitionPenalty,
          repeat_last_n: PENALTY_WINDOW,
        }
      : {}),
  }
}

/** Chats have a flag and a number, texts only the number. */
export const writeLogProbs = ({ kind }: PromptInput, count: number | undefined): Body =>
  count === undefined
    ? {}
    : kind === 'raw'
      ? { logprobs: count }
      : count === 0
        ? { logprobs: true }
        : { logprobs: true, top_logprobs: count }

export function writeFormat(format: OutputFormat, { grammar }: Pick<ServerCapabilities, 'grammar'>): Body {
  if (format.kind === 'json-schema')
    return {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', strict: true, schema: parseSchema(format.schema) },
      },
    }
  return grammar === 'structured_outputs'
    ? { structured_outputs: { grammar: format.ebnf } }
    : { grammar: format.ebnf }
}

function parseSchema(schema: string): Json {
  try {
    return JSON.parse(schema)
  } catch {
    throw new RangeError('The JSON schema of the output format is not valid JSON.')
  }
}
