// Knows: how it is found out what a server heeds: by what it does, not by what it accepts, since many accept fields that they ignore.
// Up to twenty requests of one to 24 tokens, asked one after another.
import type { Json } from '../../../src/domain/hash.ts'
import type { Abilities, Extension } from './abilities.ts'
import { PENALISED } from './ask.ts'
import type { Body, Connection } from './connection.ts'
import { Fault } from './fault.ts'
import { parseEcho, parseNative, parsePiece, parseRendered, parseTokenIds, type Piece } from './parse.ts'
import { persist, type Patience } from './patience.ts'

/** Has an answer that repeats itself, so that a penalty shows. */
const ASKED = 'Repeat these words: yes yes yes yes yes yes yes yes'
const WORDS = 8
const SCHEMA: Json = {
  type: 'object',
  properties: { b: { type: 'boolean' } },
  required: ['b'],
  additionalProperties: false,
}
/** A word that nobody writes unless a grammar makes them. */
const FORCED = 'xyzzy'
/** Tokens that a prompt of one letter may have, with one that begins every text; a template takes more. */
const BARE = 3

export interface ProbeHooks {
  /** It says that it is llama.cpp: others are not asked in its ways, which they would answer with errors. */
  readonly llama: boolean
  readonly signal: AbortSignal
  readonly patience?: Patience
  readonly onProgress: (done: number, total: number) => void
}

/** Gives nothing where the server refuses: that is what is to be found out. Other faults are thrown. */
type Try<T> = (work: () => Promise<T>) => Promise<T | undefined>

export async function probe(
  connection: Connection,
  model: string,
  { llama, signal, patience = {}, onProgress }: ProbeHooks,
): Promise<Abilities> {
  let asked = 0
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    onProgress(asked++, 17)
    try {
      return await persist(work, { tries: 4, ...patience }, { signal })
    } catch (thrown) {
      // A server that fails at a field that it does not know (500) is as good as one that refuses it.
      if (thrown instanceof Fault && !['unreachable', 'cut', 'busy'].includes(thrown.kind)) return undefined
      throw thrown
    }
  }
  const chatOf = (content: string, fields: Body): Promise<Piece> =>
    connection
      .ask('/chat/completions', signal, { model, messages: [{ role: 'user', content }], ...fields })
      .then(parsePiece)

  const limit = await findLimit(attempt, chatOf)
  const chat = limit !== undefined
  const ask = (fields: Body, content = ASKED): Promise<Piece | undefined> =>
    attempt(() => chatOf(content, { [limit ?? 'max_tokens']: WORDS, ...fields }))
  const text = await probeText(attempt, connection, model, signal)
  if (!chat && text === undefined) await chatOf(ASKED, { max_tokens: 1 }) // throws with the server's own sentence

  const greedy = chat ? await ask({ temperature: 0 }) : undefined
  const chatLogProbs = chat ? await countLikeliest(ask) : 0
  const first = chat ? await ask({ temperature: 1.5, seed: 1 }) : undefined
  const again = first && (await ask({ temperature: 1.5, seed: 1 }))
  const other = first && (await ask({ temperature: 1.5, seed: 2 }))
  const extensions =
    greedy && other && greedy.text !== other.text ? await probeExtensions(ask, greedy.text) : []
  const schema =
    chat &&
    holdsSchema(
      await ask({
        temperature: 0,
        [limit]: 24,
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'answer', strict: true, schema: SCHEMA },
        },
      }),
    )
  return {
    chat,
    raw: text?.raw ?? false,
    chatLogProbs,
    rawLogProbs: text?.logProbs ?? 0,
    seeded:
      first !== undefined &&
      again !== undefined &&
      other !== undefined &&
      first.text === again.text &&
      first.text !== other.text,
    extensions,
    schema,
    grammar: chat ? await probeGrammar(ask) : undefined,
    prefill: chatLogProbs > 0 ? await probePrefill(attempt, connection, model, signal) : undefined,
    echo: text?.echo ?? false,
    native: llama && (await probeNative(attempt, connection, signal)),
    counts:
      chat &&
      (await countsInStream(attempt, connection, signal, {
        model,
        messages: [{ role: 'user', content: ASKED }],
        [limit]: 1,
      })),
    newLimit: limit === 'max_completion_tokens',
    thinks: greedy?.thinks ?? false,
  }
}

async function findLimit(
  attempt: Try<Piece>,
  chatOf: (content: string, fields: Body) => Promise<Piece>,
): Promise<'max_tokens' | 'max_completion_tokens' | undefined> {
  for (const name of ['max_tokens', 'max_completion_tokens'] as const)
    if ((await attempt(() => chatOf(ASKED, { [name]: 1, temperature: 0 }))) !== undefined) return name
  return undefined
}

type Ask = (fields: Body, content?: string) => Promise<Piece | undefined>

/** As many as it tells, 20 at most. Those after temperature do not count: what it finds and what it draws from are different things. */
async function countLikeliest(ask: Ask): Promise<number> {
  for (const top of [20, 5]) {
    const cold = await ask({ temperature: 0, logprobs: true, top_logprobs: top })
    const likeliest = cold?.tokens[0]?.likeliest ?? []
    if (cold === undefined || likeliest.length === 0) continue
    const hot = await ask({ temperature: 1.5, seed: 1, logprobs: true, top_logprobs: top })
    const [a, b] = [likeliest[0]?.logProb, hot?.tokens[0]?.likeliest[0]?.logProb]
    return a !== undefined && b !== undefined && Math.abs(a - b) <= 0.05
      ? Math.min(top, ...cold.tokens.map((token) => token.likeliest.length))
      : 0
  }
  return 0
}

/** A cut that leaves one token makes a hot draw the greedy one; a penalty changes the greedy one. */
async function probeExtensions(ask: Ask, greedy: string): Promise<Extension[]> {
  const found: Extension[] = []
  if ((await ask({ temperature: 1.5, seed: 2, top_k: 1 }))?.text === greedy) found.push('top_k')
  if ((await ask({ temperature: 1.5, seed: 2, min_p: 1 }))?.text === greedy) found.push('min_p')
  const penalised = await ask({
    temperature: 0,
    repeat_penalty: 2,
    repetition_penalty: 2,
    repeat_last_n: PENALISED,
  })
  if (penalised !== undefined && penalised.text !== greedy) found.push('repetition')
  return found
}

function holdsSchema(piece: Piece | undefined): boolean {
  try {
    const value: unknown = JSON.parse(piece?.text ?? '')
    return typeof value === 'object' && value !== null && 'b' in value && typeof value.b === 'boolean'
  } catch {
    return false
  }
}

async function probeGrammar(ask: Ask): Promise<Abilities['grammar']> {
  const grammar = `root ::= "${FORCED}"`
  if ((await ask({ temperature: 0, grammar }))?.text === FORCED) return 'grammar'
  return (await ask({ temperature: 0, structured_outputs: { grammar } }))?.text === FORCED
    ? 'structured_outputs'
    : undefined
}

/** An alphabet that is begun goes on with the next letter only where the beginning counts as the model's own. */
async function probePrefill(
  attempt: Try<Piece>,
  connection: Connection,
  model: string,
  signal: AbortSignal,
): Promise<Abilities['prefill']> {
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
        .ask('/chat/completions', signal, {
          model,
          messages,
          max_tokens: 1,
          temperature: 0,
          logprobs: true,
          top_logprobs: 1,
          ...fields,
        })
        .then(parsePiece),
    )
    if (piece?.tokens[0]?.text === ' G') return name
  }
  return undefined
}

async function probeText(
  attempt: Try<unknown>,
  connection: Connection,
  model: string,
  signal: AbortSignal,
): Promise<{ raw: boolean; logProbs: number; echo: boolean } | undefined> {
  const send = (fields: Body): Promise<unknown> =>
    attempt(() =>
      connection.ask('/completions', signal, {
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
  const raw = (piece.usage?.promptTokens ?? Number.POSITIVE_INFINITY) <= BARE
  if (!raw) return { raw, logProbs: 0, echo: false }
  const echoed = parseEcho(await send({ prompt: 'One two three', logprobs: 1, echo: true }))
  const echo =
    echoed.length > 2 &&
    echoed
      .map(({ text }) => text)
      .join('')
      .startsWith('One two three') &&
    echoed.slice(1).every(({ logProb }) => logProb !== undefined)
  return { raw, logProbs: Math.min(lists ? 20 : 5, piece.tokens[0]?.likeliest.length ?? 0), echo }
}

/** llama.cpp's own ways, where an unlikely token that is forced is told with its own log-probability. */
async function probeNative(
  attempt: Try<unknown>,
  connection: Connection,
  signal: AbortSignal,
): Promise<boolean> {
  const rendered = parseRendered(
    await attempt(() =>
      connection.ask('~/apply-template', signal, { messages: [{ role: 'user', content: 'a' }] }),
    ),
  )
  if (rendered === undefined) return false
  const ids = parseTokenIds(
    await attempt(() =>
      connection.ask('~/tokenize', signal, {
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
      connection.ask('~/completion', signal, {
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

/** Whether streamed answers end with counts of tokens. */
async function countsInStream(
  attempt: Try<boolean>,
  connection: Connection,
  signal: AbortSignal,
  body: Body,
): Promise<boolean> {
  const counted = await attempt(async () => {
    let found = false
    for await (const json of connection.stream('/chat/completions', signal, {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    }))
      found = parsePiece(json).usage !== undefined || found
    return found
  })
  return counted ?? false
}
