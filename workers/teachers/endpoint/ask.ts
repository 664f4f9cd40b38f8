// Knows: how a request is put in the words of OpenAI's protocol and of the extensions that a server heeds.
// Must not know: how it is sent, what comes back.
import type { AnswerFormat, Asked, CompletionRequest, Sampling } from '../../../src/domain/model.ts'
import { hashOf, type Json } from '../../../src/domain/hash.ts'
import type { Abilities } from './abilities.ts'
import type { Body } from './connection.ts'

/** Stop texts that the protocol takes; all are looked for here too. */
const MOST_STOPS = 4

/** Tokens that the repetition penalty looks back on: llama.cpp takes a number here, 64 unless told, and some builds refuse its −1 for all. */
export const PENALISED = 32_768

/** A seed as servers take it: 31 bits of a hash of ours. */
export const seedOf = (rngSeed: string): number =>
  Number.parseInt(hashOf(['endpoint seed', rngSeed]).slice(0, 8), 16) & 0x7fff_ffff

/** Where a request goes and what is in it. Throws a RangeError for a schema that is no JSON. */
export interface Question {
  readonly path: '/chat/completions' | '/completions'
  readonly body: Body
}

export function writeQuestion(
  { asked, sampling, logProbs, format }: CompletionRequest,
  model: string,
  abilities: Abilities,
): Question {
  return {
    path: pathOf(asked),
    body: {
      model,
      ...writeAsked(asked),
      ...writeSampling(sampling, abilities),
      ...writeLogProbs(asked, logProbs),
      ...(format ? writeFormat(format, abilities) : {}),
      stream: true,
      ...(abilities.counts ? { stream_options: { include_usage: true } } : {}),
    },
  }
}

export const pathOf = ({ kind }: Asked): Question['path'] =>
  kind === 'chat' ? '/chat/completions' : '/completions'

export const writeAsked = (asked: Asked): Body =>
  asked.kind === 'chat'
    ? { messages: asked.messages.map(({ role, content }) => ({ role, content })) }
    : { prompt: asked.text }

/** Extensions that are heeded are always said: servers have defaults of their own (llama.cpp: top-k 40 and min-p 0.05). */
function writeSampling(
  { temperature, topP, topK, minP, repetitionPenalty, maxTokens, stop, rngSeed }: Sampling,
  { extensions, seeded, newLimit }: Abilities,
): Body {
  const stops = stop.filter((text) => text !== '').slice(0, MOST_STOPS)
  return {
    temperature,
    top_p: topP,
    ...(newLimit ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(stops.length > 0 ? { stop: stops } : {}),
    ...(seeded ? { seed: seedOf(rngSeed) } : {}),
    ...(extensions.includes('top_k') ? { top_k: topK } : {}),
    ...(extensions.includes('min_p') ? { min_p: minP } : {}),
    // The penalty has two names.
    ...(extensions.includes('repetition')
      ? { repeat_penalty: repetitionPenalty, repetition_penalty: repetitionPenalty, repeat_last_n: PENALISED }
      : {}),
  }
}

/** Chats take a flag and a number, texts take the number alone. */
export const writeLogProbs = ({ kind }: Asked, count: number | undefined): Body =>
  count === undefined
    ? {}
    : kind === 'raw'
      ? { logprobs: count }
      : count === 0
        ? { logprobs: true }
        : { logprobs: true, top_logprobs: count }

export function writeFormat(format: AnswerFormat, { grammar }: Pick<Abilities, 'grammar'>): Body {
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
    throw new RangeError('The schema that the answer is to be held to is no JSON.')
  }
}
