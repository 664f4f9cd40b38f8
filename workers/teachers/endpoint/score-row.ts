// Knows: how log-probabilities of continuations are got from a server: exactly by llama.cpp's own ways or along a prompt that is sent
// back, else from lists of the likeliest tokens.
// Must not know: retries, other rows.
import type { Asked, ScoreRequest } from '../../../src/domain/model.ts'
import { sharedLength } from '../../../src/engine/generation/prefixes.ts'
import { scoresChats, type Abilities } from './abilities.ts'
import { pathOf, writeAsked, writeLogProbs } from './ask.ts'
import type { Connection } from './connection.ts'
import { Fault } from './fault.ts'
import { parseEcho, parseNative, parsePiece, parseRendered, parseTokenIds, tailOf } from './parse.ts'

export interface Server {
  readonly connection: Connection
  readonly model: string
  readonly abilities: Abilities
  readonly signal: AbortSignal
}

/** Log-probability of each continuation, summed over its tokens. Throws a `Fault` (`refused` where they cannot be told) or an AbortError. */
export function scoreRow(server: Server, request: ScoreRequest): Promise<readonly number[]> {
  const { abilities } = server
  if (abilities.native) return scoreNatively(server, request)
  if (request.asked.kind === 'raw' && abilities.echo) return scoreByEcho(server, request, request.asked.text)
  if (request.asked.kind === 'chat' ? scoresChats(abilities) : abilities.rawLogProbs > 0)
    return scoreByLists(server, request)
  throw new Fault('refused', 'This server cannot tell probabilities of continuations of this kind.')
}

/**
 * llama.cpp: the texts are cut into tokens by the server; each token is forced in turn by a bias and told with its log-probability
 * before the bias. Tokens that are among the likeliest at a place need no request of their own.
 */
async function scoreNatively(
  { connection, signal }: Server,
  { asked, answerPrefix = '', continuations }: ScoreRequest,
): Promise<readonly number[]> {
  const text =
    asked.kind === 'raw'
      ? asked.text
      : need(parseRendered(await connection.ask('~/apply-template', signal, writeAsked(asked))))
  // As for models that run here: special tokens in a chat's template are meant, in raw text they are not.
  const cut = async (continuation: string): Promise<readonly number[]> =>
    need(
      parseTokenIds(
        await connection.ask('~/tokenize', signal, {
          content: text + answerPrefix + continuation,
          add_special: true,
          parse_special: asked.kind === 'chat',
        }),
      ),
    )
  const whole = await Promise.all(continuations.map(cut))
  const shared = sharedLength(whole)
  const places = new Map<string, { prompt: readonly number[]; wanted: Set<number> }>()
  for (const tokens of whole)
    for (let at = shared; at < tokens.length; at++) {
      const prompt = tokens.slice(0, at)
      const place = places.get(prompt.join()) ?? { prompt, wanted: new Set() }
      place.wanted.add(tokens[at] ?? -1)
      places.set(prompt.join(), place)
    }
  const found = new Map<string, number>()
  for (const [name, { prompt, wanted }] of places) {
    const left = new Set(wanted)
    for (const forced of wanted) {
      if (!left.has(forced)) continue
      const told = need(
        parseNative(
          await connection.ask('~/completion', signal, {
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
      if (told.id !== forced)
        throw new Fault('refused', 'The server did not write the token that it was held to.')
      for (const [id, logProb] of [...told.likeliest, [forced, told.logProb] as const])
        if (left.delete(id)) found.set(`${name}|${id}`, logProb)
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

/** The whole text with each continuation is sent as a prompt and comes back with log-probabilities; one token is written and left out. */
async function scoreByEcho(
  { connection, model, signal }: Server,
  { answerPrefix = '', continuations }: ScoreRequest,
  text: string,
): Promise<readonly number[]> {
  const whole = await Promise.all(
    continuations.map(async (continuation) => {
      const prompt = text + answerPrefix + continuation
      const echoed = parseEcho(
        await connection.ask('/completions', signal, {
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
        throw new Fault('refused', 'The server did not send back the text that it was asked about.')
      return tokens
    }),
  )
  const shared = sharedLength(whole.map((tokens) => tokens.map((token) => token.text)))
  return whole.map((tokens) =>
    tokens.slice(shared).reduce((sum, { logProb }) => sum + (logProb ?? Number.NaN), 0),
  )
}

/** A continuation that is not on a list may be as likely as this at most, else the row is refused. */
const MOST_UNSEEN = 0.01
/** Tokens of a continuation at most: each costs a request. */
const MOST_STEPS = 4

/**
 * From the likeliest first tokens: a continuation that is one of them whole has its probability; one that begins with one of them is
 * asked for its rest behind it. One that is on no list has at most the probability of the list's last, and at most all that the list
 * leaves: it is given the smaller of the two where that is at most 1 %, which moves an expected score by less than that.
 */
async function scoreByLists(
  server: Server,
  { asked, answerPrefix = '', continuations }: ScoreRequest,
): Promise<readonly number[]> {
  const found = continuations.map((): number | undefined => undefined)
  const look = async (
    before: string,
    log: number,
    wanted: readonly number[],
    steps: number,
  ): Promise<void> => {
    const list = await askList(server, asked, answerPrefix + before)
    const restOf = (i: number): string => (continuations[i] ?? '').slice(before.length)
    const further = new Map<string, { log: number; wanted: number[] }>()
    for (const i of wanted) {
      const token = list
        .filter(({ text }) => text !== '' && restOf(i).startsWith(text))
        .toSorted((a, b) => b.text.length - a.text.length)[0]
      if (token === undefined) {
        const bound = Math.min(list.at(-1)?.logProb ?? 0, Math.log(tailOf(list)))
        if (!(Math.exp(bound) <= MOST_UNSEEN))
          throw new Fault(
            'refused',
            `“${continuations[i] ?? ''}” is not among the ${list.length} likeliest tokens that the server tells, and could be as likely as ${Math.round(100 * Math.exp(bound))} %.`,
          )
        found[i] = log + bound
      } else if (token.text === restOf(i)) found[i] = log + token.logProb
      else
        further.set(token.text, {
          log: log + token.logProb,
          wanted: [...(further.get(token.text)?.wanted ?? []), i],
        })
    }
    for (const [text, next] of further) {
      if (steps <= 1)
        throw new Fault(
          'refused',
          `“${continuations[next.wanted[0] ?? 0] ?? ''}” has more than ${MOST_STEPS} tokens, and the server tells probabilities of what it writes only.`,
        )
      await look(before + text, next.log, next.wanted, steps - 1)
    }
  }
  await look(
    '',
    0,
    continuations.map((_, i) => i),
    MOST_STEPS,
  )
  return found.map((log) => log ?? Number.NaN)
}

async function askList(
  { connection, model, abilities, signal }: Server,
  asked: Asked,
  begun: string,
): Promise<readonly { readonly text: string; readonly logProb: number }[]> {
  const flags =
    begun !== '' && abilities.prefill === 'flags'
      ? { continue_final_message: true, add_generation_prompt: false }
      : {}
  const what: Asked =
    begun === ''
      ? asked
      : asked.kind === 'raw'
        ? { kind: 'raw', text: asked.text + begun }
        : { kind: 'chat', messages: [...asked.messages, { role: 'assistant', content: begun }] }
  const limit = asked.kind === 'chat' && abilities.newLimit ? 'max_completion_tokens' : 'max_tokens'
  const body = {
    model,
    ...writeAsked(what),
    ...writeLogProbs(asked, asked.kind === 'chat' ? abilities.chatLogProbs : abilities.rawLogProbs),
    [limit]: 1,
    temperature: 0,
    ...flags,
  }
  const list = parsePiece(await connection.ask(pathOf(asked), signal, body)).tokens[0]?.likeliest ?? []
  if (list.length === 0) throw new Fault('refused', 'The server told no probabilities with what it wrote.')
  return list
}

/** What a server of this kind always tells. */
function need<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Fault('garbled', 'The server’s answer is not of the form that llama.cpp’s server has.')
  return value
}
