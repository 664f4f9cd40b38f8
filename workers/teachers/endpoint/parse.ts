// Knows: what servers answer, in the forms of OpenAI's protocol and in llama.cpp's own. The one file that reads their answers: what
// it gives is checked, and what a server sends besides is dropped.
import type { WrittenToken } from '../../../src/domain/model.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import { Fault } from './fault.ts'
import { countIn, listIn, numberIn, oneLine, pairsIn, reach, textIn } from './json.ts'

/** Models listed, tokens of an answer and of a list of likeliest ones, at most: beyond it an answer is not one to what was asked. */
const MOST_MODELS = 1000
const MOST_TOKENS = 200_000
const MOST_LIKELIEST = 1000

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Fault('garbled', `The server sent something that is no JSON: “${oneLine(text, 80)}”.`)
  }
}

/** What a server says of its failure; empty where it says nothing that can be read. */
export function parseErrorSentence(text: string): string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return /^\s*</.test(text) ? '' : oneLine(text, 200)
  }
  const said =
    textIn(json, 'error', 'message') ??
    textIn(json, 'error') ??
    textIn(json, 'message') ??
    textIn(json, 'detail') ??
    textIn(json, 'detail', 0, 'msg') ??
    ''
  return oneLine(said, 300).replace(/[.!]+$/, '')
}

/** The list at `/models`. Throws a `garbled` fault where it is none. */
export function parseModels(json: unknown): readonly ServedModel[] {
  if (!Array.isArray(reach(json, 'data')))
    throw new Fault(
      'garbled',
      'The server’s list of models is not of the form that OpenAI’s protocol has. Look whether the address ends as the program’s own page says, mostly in /v1.',
    )
  return listIn(json, MOST_MODELS, 'data').flatMap((entry) => {
    const id = textIn(entry, 'id')
    if (id === undefined || id === '' || id.length > 300 || oneLine(id, 300) !== id) return []
    const contextLength =
      countIn(entry, 'max_model_len') ??
      countIn(entry, 'context_length') ??
      countIn(entry, 'max_context_length') ??
      countIn(entry, 'meta', 'n_ctx')
    const parameters = countIn(entry, 'meta', 'n_params')
    return [
      {
        id,
        owner: oneLine(textIn(entry, 'owned_by') ?? '', 60),
        ...(contextLength ? { contextLength } : {}),
        ...(parameters ? { parameters } : {}),
      },
    ]
  })
}

/** A piece of a streamed answer, or a whole one. */
export interface Piece {
  readonly text: string
  /** It sends what it thinks before it answers. */
  readonly thinks: boolean
  readonly finish?: 'end' | 'length'
  readonly usage?: { readonly promptTokens: number; readonly tokens: number }
  readonly tokens: readonly WrittenToken[]
}

/** A piece of a chat's or a text's completion. Throws a fault for an error that is sent as an event, and for what is neither. */
export function parsePiece(json: unknown): Piece {
  const error = reach(json, 'error')
  if (error !== undefined && error !== null) {
    const code = numberIn(error, 'code') ?? 500
    throw new Fault(
      code >= 400 && code < 500 && code !== 408 && code !== 429 ? 'refused' : 'failed',
      `The server broke off: ${parseErrorSentence(JSON.stringify(json))}.`,
    )
  }
  if (!Array.isArray(reach(json, 'choices')))
    throw new Fault('garbled', 'The server’s answer holds no choices.')
  const choice = reach(json, 'choices', 0)
  const reason = textIn(choice, 'finish_reason')
  const promptTokens = countIn(json, 'usage', 'prompt_tokens')
  const tokens = countIn(json, 'usage', 'completion_tokens')
  const thought = ['delta', 'message'].some((part) =>
    ['reasoning_content', 'reasoning'].some((name) => (textIn(choice, part, name) ?? '') !== ''),
  )
  return {
    text:
      textIn(choice, 'delta', 'content') ??
      textIn(choice, 'message', 'content') ??
      textIn(choice, 'text') ??
      '',
    thinks: thought,
    ...(reason === undefined ? {} : { finish: reason === 'length' ? 'length' : 'end' }),
    ...(promptTokens === undefined || tokens === undefined ? {} : { usage: { promptTokens, tokens } }),
    tokens: parseTokens(reach(choice, 'logprobs')),
  }
}

/** Log-probabilities in the form of chats (`content`) or of texts (lists side by side). */
function parseTokens(logprobs: unknown): readonly WrittenToken[] {
  const content = listIn(logprobs, MOST_TOKENS, 'content')
  if (content.length > 0)
    return content.flatMap((entry) =>
      written(
        textIn(entry, 'token'),
        numberIn(entry, 'logprob'),
        listIn(entry, MOST_LIKELIEST, 'top_logprobs').map((top) => [
          textIn(top, 'token'),
          numberIn(top, 'logprob'),
        ]),
      ),
    )
  return listIn(logprobs, MOST_TOKENS, 'tokens').flatMap((token, i) =>
    written(
      typeof token === 'string' ? token : undefined,
      numberIn(logprobs, 'token_logprobs', i),
      pairsIn(logprobs, MOST_LIKELIEST, 'top_logprobs', i).map(([text, logProb]) => [
        text,
        typeof logProb === 'number' ? logProb : undefined,
      ]),
    ),
  )
}

function written(
  text: string | undefined,
  logProb: number | undefined,
  likeliest: readonly (readonly [string | undefined, number | undefined])[],
): WrittenToken[] {
  if (text === undefined || !isLog(logProb)) return []
  const list = likeliest
    .flatMap(([of, log]) => (of !== undefined && isLog(log) ? [{ text: of, logProb: Math.min(0, log) }] : []))
    .toSorted((a, b) => b.logProb - a.logProb)
  return [{ text, logProb: Math.min(0, logProb), likeliest: list, tail: tailOf(list) }]
}

/** A log of a probability; half a thousandth above 0 is rounding. */
const isLog = (log: number | undefined): log is number => log !== undefined && log <= 5e-4

/** Probability of all that is not on a list. */
export const tailOf = (likeliest: readonly { readonly logProb: number }[]): number =>
  Math.max(0, 1 - likeliest.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0))

/** What is found along a prompt that is sent back (`echo`): pieces of text and the log-probability of each; the first has none. */
export function parseEcho(
  json: unknown,
): readonly { readonly text: string; readonly logProb: number | undefined }[] {
  return listIn(json, MOST_TOKENS, 'choices', 0, 'logprobs', 'tokens').flatMap((token, i) => {
    const logProb = numberIn(json, 'choices', 0, 'logprobs', 'token_logprobs', i)
    return typeof token === 'string' ? [{ text: token, logProb: isLog(logProb) ? logProb : undefined }] : []
  })
}

/** llama.cpp's and vLLM's own `/tokenize`. */
export function parseTokenIds(json: unknown): readonly number[] | undefined {
  const tokens = listIn(json, MOST_TOKENS, 'tokens')
  const ids = tokens.filter(
    (id): id is number => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0,
  )
  return Array.isArray(reach(json, 'tokens')) && ids.length === tokens.length ? ids : undefined
}

/** llama.cpp's own `/apply-template`. */
export const parseRendered = (json: unknown): string | undefined => textIn(json, 'prompt')

/** The first token of llama.cpp's own `/completion`, with the likeliest in its place. */
export function parseNative(
  json: unknown,
):
  | { readonly id: number; readonly logProb: number; readonly likeliest: ReadonlyMap<number, number> }
  | undefined {
  const first = reach(json, 'completion_probabilities', 0)
  const id = countIn(first, 'id')
  const logProb = numberIn(first, 'logprob')
  if (id === undefined || !isLog(logProb)) return undefined
  return {
    id,
    logProb,
    likeliest: new Map(
      listIn(first, MOST_LIKELIEST, 'top_logprobs').flatMap((top) => {
        const [of, log] = [countIn(top, 'id'), numberIn(top, 'logprob')]
        return of !== undefined && isLog(log) ? [[of, log] as const] : []
      }),
    ),
  }
}

/** What programs tell of a model in their own ways. `marks` go into its fingerprint. */
export interface Told {
  readonly architecture?: string
  readonly quantisation?: string
  readonly parameters?: number
  readonly contextLength?: number
  readonly licence?: string
  readonly slots?: number
  readonly marks: readonly string[]
}

/** llama.cpp's `/props`, and its entry in the list of models. */
export function parseLlamaProps(props: unknown, models: unknown, model: string): Told {
  const entry = listIn(models, MOST_MODELS, 'data').find((one) => textIn(one, 'id') === model)
  const path = oneLine(textIn(props, 'model_path') ?? '', 500)
  const quantisation = /[._-]((?:I?Q\d\w*|F16|BF16|F32))\.gguf$/i.exec(path)?.[1]?.toUpperCase()
  const slots = countIn(props, 'total_slots')
  const contextLength = countIn(props, 'default_generation_settings', 'n_ctx')
  const parameters = countIn(entry, 'meta', 'n_params')
  const marks = [
    path.split(/[/\\]/).at(-1) ?? '',
    ...['n_params', 'size', 'n_vocab', 'n_embd'].map((name) => String(countIn(entry, 'meta', name) ?? '')),
  ]
  return {
    ...(quantisation ? { quantisation } : {}),
    ...(parameters ? { parameters } : {}),
    ...(contextLength ? { contextLength } : {}),
    ...(slots ? { slots: Math.min(slots, 64) } : {}),
    marks,
  }
}

/** Ollama's `/api/tags` and `/api/show`. */
export function parseOllama(tags: unknown, show: unknown, model: string): Told {
  const entry = listIn(tags, MOST_MODELS, 'models').find(
    (one) => textIn(one, 'name') === model || textIn(one, 'model') === model,
  )
  const details = reach(show, 'details') ?? reach(entry, 'details')
  const info = pairsIn(show, 1000, 'model_info')
  const ofInfo = (end: string): number | undefined => {
    const value = info.find(([name]) => name.endsWith(end))?.[1]
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
  }
  return toTold(
    textIn(details, 'family'),
    textIn(details, 'quantization_level'),
    ofInfo('.parameter_count'),
    ofInfo('.context_length'),
    [textIn(entry, 'digest') ?? ''],
  )
}

/** LM Studio's `/api/v0/models`. */
export function parseLmStudio(json: unknown, model: string): Told {
  const entry = listIn(json, MOST_MODELS, 'data').find((one) => textIn(one, 'id') === model)
  return toTold(
    textIn(entry, 'arch'),
    textIn(entry, 'quantization'),
    undefined,
    countIn(entry, 'loaded_context_length') ?? countIn(entry, 'max_context_length'),
    [textIn(entry, 'publisher') ?? '', textIn(entry, 'quantization') ?? ''],
  )
}

const toTold = (
  architecture: string | undefined,
  quantisation: string | undefined,
  parameters: number | undefined,
  contextLength: number | undefined,
  marks: readonly string[],
): Told => ({
  ...(architecture ? { architecture: oneLine(architecture, 60) } : {}),
  ...(quantisation ? { quantisation: oneLine(quantisation, 60) } : {}),
  ...(parameters === undefined ? {} : { parameters }),
  ...(contextLength === undefined ? {} : { contextLength }),
  marks: marks.map((mark) => oneLine(mark, 200)),
})
