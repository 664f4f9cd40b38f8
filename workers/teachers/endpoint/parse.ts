// Knows: how servers' responses are read, in the forms of OpenAI's protocol and of llama.cpp's own endpoints. The only file that reads
// them: its results are checked, and all other fields are dropped.
import type { TokenLogProbs } from '../../../src/domain/completion-request.ts'
import type { ServedModel } from '../../../src/protocol/teacher.ts'
import { ServerError } from './server-error.ts'
import { countIn, listIn, numberIn, oneLine, pairsIn, reach, textIn } from './json.ts'

/** Limits on listed models, tokens of an answer, top-k tokens and parts of a content: a response beyond them is not one to the request. */
const MAX_MODELS = 1000
const MAX_TOKENS = 200_000
const MAX_TOP_LOG_PROBS = 1000
const MAX_PARTS = 1000

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ServerError('malformed', `The server’s response is not JSON: “${oneLine(text, 80)}”.`)
  }
}

/** A server's own error message; empty if there is none that can be read. */
export function parseErrorSentence(text: string): string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return /^\s*</.test(text) ? '' : oneLine(text, 200)
  }
  const message =
    textIn(json, 'error', 'message') ??
    textIn(json, 'error') ??
    textIn(json, 'message') ??
    textIn(json, 'detail') ??
    textIn(json, 'detail', 0, 'msg') ??
    ''
  return oneLine(message, 300).replace(/[.!]+$/, '')
}

/** The list at `/models`. Throws a `malformed` error if it is not a list. */
export function parseModels(json: unknown): readonly ServedModel[] {
  if (!Array.isArray(reach(json, 'data')))
    throw new ServerError(
      'malformed',
      'The server’s list of models does not follow OpenAI’s protocol. Check the end of the address in the program’s documentation; it is usually /v1.',
    )
  return listIn(json, MAX_MODELS, 'data').flatMap((entry) => {
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

/** A chunk of a streamed answer, or a whole one. */
export interface Piece {
  readonly text: string
  /** What the server itself separated from the text. */
  readonly reasoning: string
  /** False for a sign of life without content. */
  readonly hasChoice: boolean
  readonly finish?: 'end' | 'length'
  /** `reasoningTokens`: of `tokens`, if the server counts them. */
  readonly usage?: {
    readonly promptTokens: number
    readonly tokens: number
    readonly reasoningTokens: number
  }
  /** Tokens of the text. */
  readonly tokens: readonly TokenLogProbs[]
  /** Tokens of reasoning that the server separated. */
  readonly reasoningTokens: readonly TokenLogProbs[]
}

/** Names of the field in which servers put reasoning: vLLM (two of them), llama.cpp, DeepSeek; Ollama, OpenRouter; Ollama's own protocol. */
const REASONING_FIELDS = ['reasoning_content', 'reasoning', 'thinking'] as const
/** Finish reasons of an answer that was cut. */
const CUT = new Set(['length', 'max_tokens', 'model_length'])

/** A chunk of a chat's or a text's completion. Throws a `ServerError` for an error that is sent as an event, and for other content. */
export function parsePiece(json: unknown): Piece {
  const error = reach(json, 'error')
  if (error !== undefined && error !== null) {
    const code = numberIn(error, 'code') ?? 500
    throw new ServerError(
      code >= 400 && code < 500 && code !== 408 && code !== 429 ? 'refused' : 'failed',
      `The server reported an error: ${parseErrorSentence(JSON.stringify(json))}.`,
    )
  }
  const choices = reach(json, 'choices')
  const isSign = choices === null || (choices === undefined && reach(json, 'usage') !== undefined)
  if (!Array.isArray(choices) && !isSign)
    throw new ServerError('malformed', 'The server’s response has no choices.')
  const choice = reach(json, 'choices', 0)
  const reason = textIn(choice, 'finish_reason')
  const promptTokens = countIn(json, 'usage', 'prompt_tokens')
  const tokens = countIn(json, 'usage', 'completion_tokens')
  const reasoningTokens = countIn(json, 'usage', 'completion_tokens_details', 'reasoning_tokens') ?? 0
  const { text, reasoning } = parseMessage(choice)
  const all = parseTokens(reach(choice, 'logprobs'))
  const ofText = reasoning === '' ? all : text === '' ? [] : tokensAtEnd(all, text)
  return {
    text,
    reasoning,
    hasChoice: choice !== undefined,
    ...(reason === undefined ? {} : { finish: CUT.has(reason) ? 'length' : 'end' }),
    ...(promptTokens === undefined || tokens === undefined
      ? {}
      : { usage: { promptTokens, tokens, reasoningTokens } }),
    tokens: ofText,
    reasoningTokens: all.slice(0, all.length - ofText.length),
  }
}

function parseMessage(choice: unknown): { readonly text: string; readonly reasoning: string } {
  const message = reach(choice, 'delta') ?? reach(choice, 'message')
  const parts = listIn(message, MAX_PARTS, 'content')
  const isReasoning = (part: unknown): boolean => /^(?:thinking|reasoning)$/.test(textIn(part, 'type') ?? '')
  const join = (list: readonly unknown[]): string => list.map(textOfPart).join('')
  const field = REASONING_FIELDS.map((name) => textIn(message, name) ?? '').find((text) => text !== '')
  return {
    text:
      textIn(message, 'content') ??
      (parts.length > 0 ? join(parts.filter((part) => !isReasoning(part))) : textIn(choice, 'text')) ??
      '',
    reasoning: field ?? join(parts.filter(isReasoning)),
  }
}

/** Content as a list: its parts are texts, objects with a text, or (Mistral's reasoning) objects with a list of them. */
const textOfPart = (part: unknown): string =>
  typeof part === 'string'
    ? part
    : (textIn(part, 'text') ??
      textIn(part, 'thinking') ??
      listIn(part, MAX_PARTS, 'thinking')
        .map((inner) => textIn(inner, 'text') ?? '')
        .join(''))

/** Of the tokens of a whole answer, those of the text after its reasoning; none if they cannot be aligned. */
function tokensAtEnd(all: readonly TokenLogProbs[], text: string): readonly TokenLogProbs[] {
  const begin = all
    .map((token) => token.text)
    .join('')
    .lastIndexOf(text)
  if (begin === -1) return []
  let end = 0
  const first = all.findIndex((token) => (end += token.text.length) > begin)
  return first === -1 ? [] : all.slice(first)
}

/** Log-probabilities in the form of chats (`content`) or of texts (parallel lists). */
function parseTokens(logprobs: unknown): readonly TokenLogProbs[] {
  const content = listIn(logprobs, MAX_TOKENS, 'content')
  if (content.length > 0)
    return content.flatMap((entry) =>
      toTokenLogProbs(
        textIn(entry, 'token'),
        numberIn(entry, 'logprob'),
        listIn(entry, MAX_TOP_LOG_PROBS, 'top_logprobs').map((top) => [
          textIn(top, 'token'),
          numberIn(top, 'logprob'),
        ]),
      ),
    )
  return listIn(logprobs, MAX_TOKENS, 'tokens').flatMap((token, i) =>
    toTokenLogProbs(
      typeof token === 'string' ? token : undefined,
      numberIn(logprobs, 'token_logprobs', i),
      pairsIn(logprobs, MAX_TOP_LOG_PROBS, 'top_logprobs', i).map(([text, logProb]) => [
        text,
        typeof logProb === 'number' ? logProb : undefined,
      ]),
    ),
  )
}

function toTokenLogProbs(
  text: string | undefined,
  logProb: number | undefined,
  top: readonly (readonly [string | undefined, number | undefined])[],
): TokenLogProbs[] {
  if (text === undefined || !isLog(logProb)) return []
  const list = top
    .flatMap(([of, log]) => (of !== undefined && isLog(log) ? [{ text: of, logProb: Math.min(0, log) }] : []))
    .toSorted((a, b) => b.logProb - a.logProb)
  return [{ text, logProb: Math.min(0, logProb), top: list, restProbability: restProbabilityOf(list) }]
}

/** Whether a value is the log of a probability; up to 5e-4 above 0 is rounding. */
const isLog = (log: number | undefined): log is number => log !== undefined && log <= 5e-4

/** Total probability of all tokens that are not on a list. */
export const restProbabilityOf = (top: readonly { readonly logProb: number }[]): number =>
  Math.max(0, 1 - top.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0))

/** Log-probabilities along an echoed prompt (`echo`): the text of each token and its log-probability; the first has none. */
export function parseEcho(
  json: unknown,
): readonly { readonly text: string; readonly logProb: number | undefined }[] {
  return listIn(json, MAX_TOKENS, 'choices', 0, 'logprobs', 'tokens').flatMap((token, i) => {
    const logProb = numberIn(json, 'choices', 0, 'logprobs', 'token_logprobs', i)
    return typeof token === 'string' ? [{ text: token, logProb: isLog(logProb) ? logProb : undefined }] : []
  })
}

/** llama.cpp's and vLLM's own `/tokenize`. */
export function parseTokenIds(json: unknown): readonly number[] | undefined {
  const tokens = listIn(json, MAX_TOKENS, 'tokens')
  const ids = tokens.filter(
    (id): id is number => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0,
  )
  return Array.isArray(reach(json, 'tokens')) && ids.length === tokens.length ? ids : undefined
}

/** llama.cpp's own `/apply-template`. */
export const parseRendered = (json: unknown): string | undefined => textIn(json, 'prompt')

/** The first token of llama.cpp's own `/completion`, with the top-k tokens at its position. */
export function parseNative(
  json: unknown,
): { readonly id: number; readonly logProb: number; readonly top: ReadonlyMap<number, number> } | undefined {
  const first = reach(json, 'completion_probabilities', 0)
  const id = countIn(first, 'id')
  const logProb = numberIn(first, 'logprob')
  if (id === undefined || !isLog(logProb)) return undefined
  return {
    id,
    logProb,
    top: new Map(
      listIn(first, MAX_TOP_LOG_PROBS, 'top_logprobs').flatMap((entry) => {
        const [of, log] = [countIn(entry, 'id'), numberIn(entry, 'logprob')]
        return of !== undefined && isLog(log) ? [[of, log] as const] : []
      }),
    ),
  }
}

/** Facts about a model from programs' own endpoints. `marks` go into its fingerprint. */
export interface ModelInfo {
  readonly architecture?: string
  readonly quantisation?: string
  readonly parameters?: number
  readonly contextLength?: number
  readonly licence?: string
  readonly slots?: number
  readonly marks: readonly string[]
}

/** llama.cpp's `/props`, and its entry in the list of models. */
export function parseLlamaProps(props: unknown, models: unknown, model: string): ModelInfo {
  const entry = listIn(models, MAX_MODELS, 'data').find((one) => textIn(one, 'id') === model)
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
export function parseOllama(tags: unknown, show: unknown, model: string): ModelInfo {
  const entry = listIn(tags, MAX_MODELS, 'models').find(
    (one) => textIn(one, 'name') === model || textIn(one, 'model') === model,
  )
  const details = reach(show, 'details') ?? reach(entry, 'details')
  const info = pairsIn(show, 1000, 'model_info')
  const ofInfo = (end: string): number | undefined => {
    const value = info.find(([name]) => name.endsWith(end))?.[1]
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
  }
  const licence = nameLicence(textIn(show, 'license') ?? '')
  return {
    ...toModelInfo(
      textIn(details, 'family'),
      textIn(details, 'quantization_level'),
      ofInfo('.parameter_count'),
      ofInfo('.context_length'),
      [textIn(entry, 'digest') ?? ''],
    ),
    ...(licence === undefined ? {} : { licence }),
  }
}

/** Licences by what their texts begin with; the names are those of SPDX. */
const LICENCES: readonly (readonly [RegExp, string])[] = [
  [/^apache license,? version 2\.0\b/i, 'apache-2.0'],
  [/^(?:the )?mit license\b/i, 'mit'],
  [/^bsd 3-clause\b/i, 'bsd-3-clause'],
  [/^creative commons attribution-noncommercial 4\.0\b/i, 'cc-by-nc-4.0'],
  [/^creative commons attribution 4\.0\b/i, 'cc-by-4.0'],
]

/** The name of a licence from its text: a known one, or its title, which is its first line. */
function nameLicence(text: string): string | undefined {
  const lines = text
    .slice(0, 2000)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const [title = ''] = lines
  const start = lines.slice(0, 3).join(' ')
  return (
    LICENCES.find(([begins]) => begins.test(start))?.[1] ?? (title === '' ? undefined : oneLine(title, 80))
  )
}

/** LM Studio's `/api/v0/models`. */
export function parseLmStudio(json: unknown, model: string): ModelInfo {
  const entry = listIn(json, MAX_MODELS, 'data').find((one) => textIn(one, 'id') === model)
  return toModelInfo(
    textIn(entry, 'arch'),
    textIn(entry, 'quantization'),
    undefined,
    countIn(entry, 'loaded_context_length') ?? countIn(entry, 'max_context_length'),
    [textIn(entry, 'publisher') ?? '', textIn(entry, 'quantization') ?? ''],
  )
}

const toModelInfo = (
  architecture: string | undefined,
  quantisation: string | undefined,
  parameters: number | undefined,
  contextLength: number | undefined,
  marks: readonly string[],
): ModelInfo => ({
  ...(architecture ? { architecture: oneLine(architecture, 60) } : {}),
  ...(quantisation ? { quantisation: oneLine(quantisation, 60) } : {}),
  ...(parameters === undefined ? {} : { parameters }),
  ...(contextLength === undefined ? {} : { contextLength }),
  marks: marks.map((mark) => oneLine(mark, 200)),
})
