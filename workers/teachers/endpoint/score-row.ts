// Knows: how log-probabilities of continuations are obtained from a server: exactly, by llama.cpp's own endpoints or along an echoed
// prompt, otherwise from its top-k lists.
// Must not know: retries, other rows.
import type { PromptInput, ScoreRequest } from '../../../src/domain/completion-request.ts'
import { sharedPrefixLength } from '../../../src/engine/generation/prefix-cache.ts'
import { closeReasoning } from '../../../src/engine/tokenizers/templates/reasoning-marks.ts'
import { splitReasoning } from '../../../src/pipeline/reasoning/split-reasoning.ts'
import { scoresChats, type ServerCapabilities } from './server-capabilities.ts'
import { pathOf, writeInput, writeLogProbs } from './write-request.ts'
import type { Connection } from './connection.ts'
import { ServerError } from './server-error.ts'
import { toWellFormed } from './well-formed.ts'
import {
  parseEcho,
  parseNative,
  parsePiece,
  parseRendered,
  parseTokenIds,
  restProbabilityOf,
} from './parse.ts'

export interface Server {
  readonly connection: Connection
  readonly model: string
  readonly capabilities: ServerCapabilities
  readonly signal: AbortSignal
}

/** Log-probability of each continuation, summed over its tokens. Throws a `ServerError` (`refused` if it cannot be computed) or an AbortError. */
export function scoreRow(server: Server, request: ScoreRequest): Promise<readonly number[]> {
  const { capabilities } = server
  if (capabilities.native) return scoreNatively(server, request)
  if (request.input.kind === 'raw' && capabilities.echo)
    return scoreByEcho(server, request, request.input.text)
  if (request.input.kind === 'chat' ? scoresChats(capabilities) : capabilities.rawLogProbs > 0)
    return scoreByLists(server, request)
  throw new ServerError('refused', 'This server does not return probabilities of such continuations.')
}

/**
 * llama.cpp: the server tokenizes the texts; each token is forced in turn by a bias and returned with its log-probability before the
 * bias. Tokens in the top-k list of a position need no separate request.
 */
async function scoreNatively(
  { connection, capabilities: { reasoning }, signal }: Server,
  { input, answerPrefix = '', continuations }: ScoreRequest,
): Promise<readonly number[]> {
  const text =
    input.kind === 'raw'
      ? input.text
      : withClosedReasoning(
          requireLlamaField(
            parseRendered(
              await connection.request('~/apply-template', signal, {
                ...writeInput(input),
                ...reasoning.off,
              }),
            ),
          ),
        )
  // As for models on this engine: special tokens are parsed in a chat's template, but not in raw text.
  const tokenize = async (continuation: string): Promise<readonly number[]> =>
    requireLlamaField(
      parseTokenIds(
        await connection.request('~/tokenize', signal, {
          content: text + answerPrefix + continuation,
          add_special: true,
          parse_special: input.kind === 'chat',
        }),
      ),
    )
  const whole = await Promise.all(continuations.map(tokenize))
  const shared = sharedPrefixLength(whole)
  const positions = new Map<string, { prompt: readonly number[]; ids: Set<number> }>()
  for (const tokens of whole)
    for (let at = shared; at < tokens.length; at++) {
      const prompt = tokens.slice(0, at)
      const position = positions.get(prompt.join()) ?? { prompt, ids: new Set() }
      position.ids.add(tokens[at] ?? -1)
      positions.set(prompt.join(), position)
    }
  const found = new Map<string, number>()
  for (const [name, { prompt, ids }] of positions) {
    const pending = new Set(ids)
    for (const forced of ids) {
      if (!pending.has(forced)) continue
      const token = requireLlamaField(
        parseNative(
          await connection.request('~/completion', signal, {
            prompt: [...prompt],
            n_predict: 1,
            n_probs: 100,
            temperature: 0,
            logit_bias: [[forced, 10_000]],
            post_sampling_probs: false,
            cache_prompt: true,
          }),
        ),
      )
      if (token.id !== forced)
        throw new ServerError('refused', 'The server did not generate the token that was forced.')
      for (const [id, logProb] of [...token.top, [forced, token.logProb] as const])
        if (pending.delete(id)) found.set(`${name}|${id}`, logProb)
    }
  }
  return whole.map((tokens) =>
    tokens
      .slice(shared)
      .reduce(
        (sum, id, i) => sum + (found.get(`${tokens.slice(0, shared + i).join()}|${id}`) ?? Number.NaN),
        0,
      ),
  )
}

/** Reasoning that the template opens is left empty: a score is never that of a token inside it. */
const withClosedReasoning = (prompt: string): string => prompt + closeReasoning(prompt)

/** Sends the whole text with each continuation as a prompt that is echoed with log-probabilities; one generated token is ignored. */
async function scoreByEcho(
  { connection, model, signal }: Server,
  { answerPrefix = '', continuations }: ScoreRequest,
  text: string,
): Promise<readonly number[]> {
  const whole = await Promise.all(
    continuations.map(async (continuation) => {
      const prompt = toWellFormed(text + answerPrefix + continuation)
      const echoed = parseEcho(
        await connection.request('/completions', signal, {
          model,
          prompt,
          max_tokens: 1,
          temperature: 0,
          echo: true,
          logprobs: 1,
        }),
      )
      let end = 0
      const tokens = echoed.filter((token) => (end += token.text.length) - token.text.length < prompt.length)
      if (tokens.map((token) => token.text).join('') !== prompt)
        throw new ServerError('refused', 'The server did not echo the text that was sent.')
      return tokens
    }),
  )
  const shared = sharedPrefixLength(whole.map((tokens) => tokens.map((token) => token.text)))
  return whole.map((tokens) =>
    tokens.slice(shared).reduce((sum, { logProb }) => sum + (logProb ?? Number.NaN), 0),
  )
}

/** Max probability of a continuation that is not on a list; above it the row is refused. */
const MAX_UNLISTED = 0.01
/** Max tokens of a continuation: each costs a request. */
const MAX_STEPS = 4

/**
 * From top-k lists of the first token. A continuation that equals a listed token has its probability; one that begins with a listed
 * token needs a further request for the rest after it. A continuation on no list has at most the probability of the list's last token,
 * and at most the list's remaining mass: it gets the smaller of the two if that is at most 1 %, which changes an expected score by less.
 */
async function scoreByLists(
  server: Server,
  { input, answerPrefix = '', continuations }: ScoreRequest,
): Promise<readonly number[]> {
  const sums = continuations.map((): number | undefined => undefined)
  const visit = async (
    before: string,
    log: number,
    indices: readonly number[],
    steps: number,
  ): Promise<void> => {
    const list = await requestList(server, input, answerPrefix + before)
    const restOf = (i: number): string => (continuations[i] ?? '').slice(before.length)
    const further = new Map<string, { log: number; indices: number[] }>()
    for (const i of indices) {
      const token = list
        .filter(({ text }) => text !== '' && restOf(i).startsWith(text))
        .toSorted((a, b) => b.text.length - a.text.length)[0]
      if (token === undefined) {
        const bound = Math.min(list.at(-1)?.logProb ?? 0, Math.log(restProbabilityOf(list)))
        if (!(Math.exp(bound) <= MAX_UNLISTED))
          throw new ServerError(
            'refused',
            `“${continuations[i] ?? ''}” is not among the top ${list.length} tokens that the server returns; its probability could be up to ${Math.round(100 * Math.exp(bound))} %.`,
          )
        sums[i] = log + bound
      } else if (token.text === restOf(i)) sums[i] = log + token.logProb
      else
        further.set(token.text, {
          log: log + token.logProb,
          indices: [...(further.get(token.text)?.indices ?? []), i],
        })
    }
    for (const [text, next] of further) {
      if (steps <= 1)
        throw new ServerError(
          'refused',
          `“${continuations[next.indices[0] ?? 0] ?? ''}” has more than ${MAX_STEPS} tokens, and the server returns probabilities only of generated tokens.`,
        )
      await visit(before + text, next.log, next.indices, steps - 1)
    }
  }
  await visit(
    '',
    0,
    continuations.map((_, i) => i),
    MAX_STEPS,
  )
  return sums.map((log) => log ?? Number.NaN)
}

async function requestList(
  { connection, model, capabilities, signal }: Server,
  input: PromptInput,
  prefix: string,
): Promise<readonly { readonly text: string; readonly logProb: number }[]> {
  const flags =
    prefix !== '' && capabilities.prefill === 'flags'
      ? { continue_final_message: true, add_generation_prompt: false }
      : {}
  const continued: PromptInput =
    prefix === ''
      ? input
      : input.kind === 'raw'
        ? { kind: 'raw', text: input.text + prefix }
        : { kind: 'chat', messages: [...input.messages, { role: 'assistant', content: prefix }] }
  const limit =
    input.kind === 'chat' && capabilities.usesMaxCompletionTokens ? 'max_completion_tokens' : 'max_tokens'
  const body = {
    model,
    ...writeInput(continued),
    ...writeLogProbs(input, input.kind === 'chat' ? capabilities.chatLogProbs : capabilities.rawLogProbs),
    ...(input.kind === 'chat' ? capabilities.reasoning.off : {}),
    [limit]: 1,
    temperature: 0,
    ...flags,
  }
  const piece = parsePiece(await connection.request(pathOf(input), signal, body))
  const [token] = piece.tokens
  if (input.kind === 'chat' && (piece.reasoning !== '' || (token && beginsReasoning(token.text))))
    throw new ServerError(
      'refused',
      'The model reasons before it responds, and this server does not switch that off: the probabilities that it returns are not those of the response. Choose a judge that does not reason.',
    )
  const list = token?.top ?? []
  if (list.length === 0)
    throw new ServerError('refused', 'The server returned no log-probabilities with its response.')
  return list
}

const beginsReasoning = (token: string): boolean =>
  splitReasoning(token).unfinished === true || /^<\|?channel\|?>/.test(token)

/** A field that llama.cpp's server always sends. */
function requireLlamaField<T>(value: T | undefined): T {
  if (value === undefined)
    throw new ServerError('malformed', 'The server’s response does not have the form of llama.cpp’s server.')
  return value
}
