// Knows: how a server's capabilities are probed: by what it does, not by what it accepts, because many servers accept fields that they ignore.
// Sends about twenty requests of one to 24 tokens, one after another; a model that always reasons gets up to seven longer ones.
// What its reasoning hides is unknown, which is not the same as missing.
import type { Json } from '../../../src/domain/hash.ts'
import {
  UNKNOWN_ORDER,
  type ServerCapabilities,
  type Extension,
  type Unknown,
} from './server-capabilities.ts'
import { PENALTY_WINDOW } from './write-request.ts'
import type { Connection } from './connection.ts'
import type { Body } from './json.ts'
import { ServerError } from './server-error.ts'
import { parseEcho, parseNative, parsePiece, parseRendered, parseTokenIds, type Piece } from './parse.ts'
import { generatedOf, probeReasoning, reasons, responseOf, type ReasoningSwitch } from './probe-reasoning.ts'
import { retry, type RetryOptions } from './retry.ts'

/** Its answer repeats itself, so that a repetition penalty is visible. */
const PROMPT = 'Repeat these words: yes yes yes yes yes yes yes yes'
/** Tokens of an answer to it. */
const ANSWER_TOKENS = 8
const SCHEMA: Json = {
  type: 'object',
  properties: { b: { type: 'boolean' } },
  required: ['b'],
  additionalProperties: false,
}
/** A word that no model generates unless a grammar forces it. */
const FORCED = 'xyzzy'
/** Max tokens of a prompt of one letter, including a begin token; a template adds more. */
const MAX_BARE_TOKENS = 3

export interface ProbeHooks {
  /** It identifies itself as llama.cpp; other programs would return errors for its own endpoints. */
  readonly llama: boolean
  readonly signal: AbortSignal
  readonly retryOptions?: RetryOptions
  readonly onProgress: (done: number, total: number) => void
}

/** Returns undefined if the server refuses, which is a result of the probe. Other errors are thrown. */
type Attempt<T> = (work: () => Promise<T>) => Promise<T | undefined>

export async function probe(
  connection: Connection,
  model: string,
  { llama, signal, retryOptions = {}, onProgress }: ProbeHooks,
): Promise<ServerCapabilities> {
  let sent = 0
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    onProgress(sent++, Math.max(19, sent))
    try {
      return await retry(work, { attempts: 4, ...retryOptions }, { signal })
    } catch (thrown) {
      // A server that fails (500) at an unknown field counts as one that refuses it.
      if (
        thrown instanceof ServerError &&
        !['unreachable', 'interrupted', 'overloaded'].includes(thrown.kind)
      )
        return undefined
      throw thrown
    }
  }
  const chatOf = (content: string, fields: Body): Promise<Piece> =>
    connection
      .request('/chat/completions', signal, { model, messages: [{ role: 'user', content }], ...fields })
      .then(parsePiece)

  const limit = await findLimit(attempt, chatOf)
  const chat = limit !== undefined
  const generate: Generate = (fields, content = PROMPT) =>
    attempt(() => chatOf(content, { [limit ?? 'max_tokens']: ANSWER_TOKENS, ...fields }))
  const text = await probeText(attempt, connection, model, signal)
  if (!chat && text === undefined) await chatOf(PROMPT, { max_tokens: 1 }) // throws with the server's own sentence

  const { reasoning, greedy } = await probeReasoning(async (fields, maxTokens) =>
    chat
      ? generate({ temperature: 0, ...fields, ...(maxTokens === undefined ? {} : { [limit]: maxTokens }) })
      : undefined,
  )
  /** With reasoning switched off, as rows are generated; without it, a few tokens suffice. */
  const calm: Generate = (fields, content) => generate({ ...reasoning.off, ...fields }, content)
  const unknown = new Set<Unknown>()
  const respond: Respond = (fields, maxTokens) =>
    respondAfterReasoning(calm, reasoning, limit ?? 'max_tokens', fields, maxTokens)
  const chatLogProbs = chat ? await countTopLogProbs(calm) : 0
  if (chatLogProbs === undefined) unknown.add('logProbs')
  const first = chat ? await calm({ temperature: 1.5, seed: 1 }) : undefined
  const again = first && (await calm({ temperature: 1.5, seed: 1 }))
  const other = first && (await calm({ temperature: 1.5, seed: 2 }))
  const isHidden = greedy !== undefined && generatedOf(greedy) === ''
  if (isHidden) unknown.add('sampling').add('seeded')
  const extensions =
    greedy && other && generatedOf(greedy) !== generatedOf(other)
      ? await probeExtensions(calm, generatedOf(greedy))
      : []
  const schema = chat
    ? await respond(
        {
          temperature: 0,
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'answer', strict: true, schema: SCHEMA },
          },
        },
        24,
      )
    : 'refused'
  if (schema === 'unknown') unknown.add('schema')
  const grammar = chat ? await probeGrammar(respond) : undefined
  if (grammar === 'unknown') unknown.add('grammar')
  const prefill =
    chatLogProbs === 0
      ? undefined
      : await probePrefill(attempt, connection, model, limit ?? 'max_tokens', reasoning, signal)
  if (prefill === 'unknown' || (prefill !== undefined && chatLogProbs === undefined)) unknown.add('scores')
  return {
    chat,
    raw: text?.raw ?? false,
    chatLogProbs: chatLogProbs ?? LISTS_IF_UNKNOWN,
    rawLogProbs: text?.logProbs ?? 0,
    seeded:
      first !== undefined &&
      again !== undefined &&
      other !== undefined &&
      generatedOf(first) === generatedOf(again) &&
      generatedOf(first) !== generatedOf(other),
    extensions,
    schema: schema === 'unknown' || holdsSchema(schema),
    grammar: grammar === 'unknown' ? 'grammar' : grammar,
    prefill: prefill === 'unknown' ? 'message' : prefill,
    echo: text?.echo ?? false,
    native: llama && (await probeNative(attempt, connection, reasoning, signal)),
    countsTokens:
      chat &&
      (await countsInStream(attempt, connection, signal, {
        model,
        messages: [{ role: 'user', content: PROMPT }],
        ...reasoning.off,
        [limit]: 1,
      })),
    usesMaxCompletionTokens: limit === 'max_completion_tokens',
    reasoning,
    unknown: UNKNOWN_ORDER.filter((name) => unknown.has(name)),
  }
}

type Respond = (fields: Body, maxTokens: number) => Promise<string | 'refused' | 'unknown'>

/** A greedy response behind reasoning that may be always on: unknown if the reasoning did not end within its budget. */
async function respondAfterReasoning(
  generate: Generate,
  { isAlwaysOn, budget, opened }: ReasoningSwitch,
  limit: string,
  fields: Body,
  maxTokens: number,
): Promise<string | 'refused' | 'unknown'> {
  if (isAlwaysOn && budget === undefined) return 'unknown'
  const piece = await generate({ ...fields, [limit]: maxTokens + (isAlwaysOn ? (budget ?? 0) : 0) })
  return piece === undefined
    ? 'refused'
    : ((isAlwaysOn ? responseOf(piece, opened.off) : piece.text) ?? 'unknown')
}

async function findLimit(
  attempt: Attempt<Piece>,
  chatOf: (content: string, fields: Body) => Promise<Piece>,
): Promise<'max_tokens' | 'max_completion_tokens' | undefined> {
  for (const name of ['max_tokens', 'max_completion_tokens'] as const)
    if ((await attempt(() => chatOf(PROMPT, { [name]: 1, temperature: 0 }))) !== undefined) return name
  return undefined
}

type Generate = (fields: Body, content?: string) => Promise<Piece | undefined>

/** Top-k tokens of a request if it is not known how many a server returns: all servers that return any return as many. */
const LISTS_IF_UNKNOWN = 5

/** The k of its top-k lists, up to 20; 0 if the log-probabilities are those after temperature, which are not the model's own. Undefined if a server has none for reasoning, which may be different for the response. */
async function countTopLogProbs(generate: Generate): Promise<number | undefined> {
  let isHidden = false
  for (const top of [20, 5]) {
    const cold = await generate({ temperature: 0, logprobs: true, top_logprobs: top })
    const tokens = cold === undefined ? [] : [...cold.reasoningTokens, ...cold.tokens]
    const list = tokens[0]?.top ?? []
    if (cold === undefined || list.length === 0) {
      isHidden ||= cold !== undefined && reasons(cold)
      continue
    }
    const hot = await generate({ temperature: 1.5, seed: 1, logprobs: true, top_logprobs: top })
    const warm = hot === undefined ? undefined : [...hot.reasoningTokens, ...hot.tokens][0]
    const [a, b] = [list[0]?.logProb, warm?.top[0]?.logProb]
    return a !== undefined && b !== undefined && Math.abs(a - b) <= 0.05
      ? Math.min(top, ...tokens.map((token) => token.top.length))
      : 0
  }
  return isHidden ? undefined : 0
}

/** A filter that leaves one token makes a sample at high temperature greedy; a penalty changes the greedy text. */
async function probeExtensions(generate: Generate, greedy: string): Promise<Extension[]> {
  const found: Extension[] = []
  const generated = async (fields: Body): Promise<string | undefined> => {
    const piece = await generate(fields)
    return piece && generatedOf(piece)
  }
  if ((await generated({ temperature: 1.5, seed: 2, top_k: 1 })) === greedy) found.push('top_k')
  if ((await generated({ temperature: 1.5, seed: 2, min_p: 1 })) === greedy) found.push('min_p')
  const penalised = await generated({
    temperature: 0,
    repeat_penalty: 2,
    repetition_penalty: 2,
    repeat_last_n: PENALTY_WINDOW,
  })
  if (penalised !== undefined && penalised !== greedy) found.push('repetition')
  return found
}

function holdsSchema(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'b' in value && typeof value.b === 'boolean'
  } catch {
    return false
  }
}

async function probeGrammar(respond: Respond): Promise<ServerCapabilities['grammar'] | 'unknown'> {
  const grammar = `root ::= "${FORCED}"`
  const named = await respond({ temperature: 0, grammar }, ANSWER_TOKENS)
  if (named === FORCED) return 'grammar'
  const structured = await respond({ temperature: 0, structured_outputs: { grammar } }, ANSWER_TOKENS)
  if (structured === FORCED) return 'structured_outputs'
  return named === 'unknown' ? 'unknown' : undefined
}

/** A partial alphabet continues with the next letter only if the server treats it as the start of the model's own answer. */
async function probePrefill(
  attempt: Attempt<Piece>,
  connection: Connection,
  model: string,
  limit: string,
  reasoning: ReasoningSwitch,
  signal: AbortSignal,
): Promise<ServerCapabilities['prefill'] | 'unknown'> {
  let isHidden = false
  const messages = [
    { role: 'user', content: 'Say the alphabet.' },
    { role: 'assistant', content: 'A B C D E F' },
  ]
  for (const [name, fields] of [
    ['message', {}],
    ['flags', { continue_final_message: true, add_generation_prompt: false }],
  ] as const) {
    const piece = await attempt(() =>
      connection
        .request('/chat/completions', signal, {
          model,
          messages,
          ...reasoning.off,
          [limit]: 1,
          temperature: 0,
          logprobs: true,
          top_logprobs: 1,
          ...fields,
        })
        .then(parsePiece),
    )
    if (piece?.tokens[0]?.text === ' G') return name
    isHidden ||= piece !== undefined && piece.tokens.length === 0 && reasons(piece)
  }
  return isHidden ? 'unknown' : undefined
}

async function probeText(
  attempt: Attempt<unknown>,
  connection: Connection,
  model: string,
  signal: AbortSignal,
): Promise<{ raw: boolean; logProbs: number; echo: boolean } | undefined> {
  const send = (fields: Body): Promise<unknown> =>
    attempt(() =>
      connection.request('/completions', signal, {
        model,
        prompt: 'a',
        max_tokens: 1,
        temperature: 0,
        ...fields,
      }),
    )
  let json = await send({ logprobs: 20 })
  const lists = json !== undefined
  json ??= (await send({ logprobs: 5 })) ?? (await send({}))
  if (json === undefined) return undefined
  const piece = parsePiece(json)
  const raw = (piece.usage?.promptTokens ?? Number.POSITIVE_INFINITY) <= MAX_BARE_TOKENS
  if (!raw) return { raw, logProbs: 0, echo: false }
  const echoed = parseEcho(await send({ prompt: 'One two three', logprobs: 1, echo: true }))
  const echo =
    echoed.length > 2 &&
    echoed
      .map(({ text }) => text)
      .join('')
      .startsWith('One two three') &&
    echoed.slice(1).every(({ logProb }) => logProb !== undefined)
  return { raw, logProbs: Math.min(lists ? 20 : 5, piece.tokens[0]?.top.length ?? 0), echo }
}

/** Whether llama.cpp's own endpoints return the log-probability of an unlikely token that is forced. */
async function probeNative(
  attempt: Attempt<unknown>,
  connection: Connection,
  { off }: ReasoningSwitch,
  signal: AbortSignal,
): Promise<boolean> {
  const rendered = parseRendered(
    await attempt(() =>
      connection.request('~/apply-template', signal, { messages: [{ role: 'user', content: 'a' }], ...off }),
    ),
  )
  if (rendered === undefined) return false
  const ids = parseTokenIds(
    await attempt(() =>
      connection.request('~/tokenize', signal, {
        content: 'One two three',
        add_special: false,
        parse_special: false,
      }),
    ),
  )
  const forced = ids?.at(-1)
  if (ids === undefined || forced === undefined || ids.length < 2) return false
  const native = parseNative(
    await attempt(() =>
      connection.request('~/completion', signal, {
        prompt: ids.slice(0, -1),
        n_predict: 1,
        n_probs: 2,
        temperature: 0,
        logit_bias: [[forced, 10_000]],
        post_sampling_probs: false,
      }),
    ),
  )
  return native?.id === forced
}

/** Whether streamed answers end with token counts. */
async function countsInStream(
  attempt: Attempt<boolean>,
  connection: Connection,
  signal: AbortSignal,
  body: Body,
): Promise<boolean> {
  const counted = await attempt(async () => {
    let [found, ended] = [false, false]
    try {
      for await (const json of connection.stream('/chat/completions', signal, {
        ...body,
        stream: true,
        stream_options: { include_usage: true },
      })) {
        const piece = parsePiece(json)
        found ||= piece.usage !== undefined
        ended ||= piece.finish !== undefined
      }
    } catch (thrown) {
      if (!(thrown instanceof ServerError && thrown.kind === 'interrupted' && ended)) throw thrown
    }
    return found
  })
  return counted ?? false
}
