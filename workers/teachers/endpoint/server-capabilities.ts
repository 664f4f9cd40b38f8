// Knows: what the probe finds out about a server, and the capabilities of a teacher on it.
import type { SamplingName } from '../../../src/domain/sampling.ts'
import type { Capabilities } from '../../../src/domain/teacher-description.ts'
import type { ReasoningSwitch } from './probe-reasoning.ts'

/** Sampling fields beyond OpenAI's that a server may support. */
export type Extension = 'top_k' | 'min_p' | 'repetition'

/** Each with its sampling setting, and its title in sentences. */
const EXTENSIONS: readonly {
  readonly name: Extension
  readonly setting: SamplingName
  readonly title: string
}[] = [
  { name: 'top_k', setting: 'topK', title: 'top-k' },
  { name: 'min_p', setting: 'minP', title: 'min-p' },
  { name: 'repetition', setting: 'repetitionPenalty', title: 'the repetition penalty' },
]

export interface ServerCapabilities {
  readonly chat: boolean
  /** It continues a raw text, without a template around it. */
  readonly raw: boolean
  /** Top-k tokens returned with each token of a chat's answer, and of a text's. */
  readonly chatLogProbs: number
  readonly rawLogProbs: number
  readonly seeded: boolean
  readonly extensions: readonly Extension[]
  readonly schema: boolean
  /** The request field that constrains an answer to a grammar. */
  readonly grammar: 'grammar' | 'structured_outputs' | undefined
  /** How a partial answer is continued: as the last message, or additionally with vLLM's two fields. */
  readonly prefill: 'message' | 'flags' | undefined
  /** It returns log-probabilities along a prompt. */
  readonly echo: boolean
  /** It has llama.cpp's own endpoints: text to tokens, chat to text, forcing any token. */
  readonly native: boolean
  /** It counts tokens in streamed answers. */
  readonly countsTokens: boolean
  /** It requires `max_completion_tokens` instead of `max_tokens`. */
  readonly usesMaxCompletionTokens: boolean
  readonly reasoning: ReasoningSwitch
  /** What the model's reasoning hid from the probe. It counts as supported, so that a person can try. */
  readonly unknown: readonly Unknown[]
}

/** What a probe may be unable to find out. */
export const UNKNOWN_ORDER = ['scores', 'logProbs', 'sampling', 'seeded', 'schema', 'grammar'] as const
export type Unknown = (typeof UNKNOWN_ORDER)[number]

/** As parts of a sentence. */
const UNKNOWN_TITLES: Readonly<Record<Unknown, string>> = {
  logProbs: 'log-probabilities',
  scores: 'scores, which a judge needs',
  sampling: 'top-k, min-p and the repetition penalty',
  seeded: 'seeds',
  schema: 'JSON schemas',
  grammar: 'grammars',
}

/** Minimum k of a top-k list from which a verdict of five scores can be read. */
const MIN_FOR_SCORES = 5

export const scoresChats = ({ native, chatLogProbs, prefill }: ServerCapabilities): boolean =>
  native || (chatLogProbs >= MIN_FOR_SCORES && prefill !== undefined)

export function capabilitiesOf(server: ServerCapabilities): Capabilities {
  const { chat, raw, chatLogProbs, rawLogProbs, seeded, extensions, schema, grammar, echo, native } = server
  return {
    chat,
    rawPrompts: raw,
    scores: chat ? scoresChats(server) : native || echo || rawLogProbs >= MIN_FOR_SCORES,
    embeddings: false,
    softTargets: false,
    // The description must hold for every request: for chats and for texts.
    logProbs: chat && raw ? Math.min(chatLogProbs, rawLogProbs) : chat ? chatLogProbs : rawLogProbs,
    // Top-p is part of OpenAI's protocol and assumed to work; the others were probed.
    sampling: [
      'topP',
      ...EXTENSIONS.filter(({ name }) => extensions.includes(name)).map(({ setting }) => setting),
    ],
    seeded,
    outputFormats: [
      ...(schema ? (['json-schema'] as const) : []),
      ...(grammar ? (['grammar'] as const) : []),
    ],
  }
}

/** What a person should know about the server, in sentences. */
export function noteCapabilities(server: ServerCapabilities, host: string): readonly string[] {
  const { chat, raw, seeded, extensions, countsTokens: counts, reasoning, native, unknown } = server
  const missing = EXTENSIONS.filter(({ name }) => !extensions.includes(name)).map(({ title }) => title)
  const capabilities = capabilitiesOf(server)
  return [
    `Prompts are sent to the program at ${host}, which generates the completions.`,
    ...(missing.length > 0 && !unknown.includes('sampling')
      ? [
          `It does not support ${new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(missing)}; the program’s own settings apply.`,
        ]
      : []),
    ...(seeded || unknown.includes('seeded')
      ? []
      : ['The same seed does not generate the same text again: a run cannot be reproduced word for word.']),
    ...(chat && !raw
      ? ['It does not continue raw texts, so steps that need raw prompts cannot use it.']
      : []),
    ...(capabilities.logProbs === 0
      ? [
          'It returns no log-probabilities of generated tokens, or only those after temperature and sampling filters.',
        ]
      : []),
    ...(capabilities.scores && !native
      ? [
          'Scores are read from its list of top tokens. A text that is not on the list gets the probability of the list’s last token, and is refused if that is above 1 %.',
        ]
      : []),
    ...(counts ? [] : ['It does not count tokens; token counts are estimates.']),
    ...noteReasoning(reasoning),
    ...(unknown.length > 0
      ? [
          `Its reasoning hid from a short test whether it supports ${unknown.map((name) => UNKNOWN_TITLES[name]).join('; ')}. Try it: a request that fails is reported with its reason.`,
        ]
      : []),
  ]
}

function noteReasoning({ isAlwaysOn, canReason }: ReasoningSwitch): readonly string[] {
  if (isAlwaysOn)
    return [
      'It reasons before every response, and this server does not switch that off. Reasoning is kept apart from the text, and counts towards max tokens.',
    ]
  if (canReason)
    return [
      'It can reason before it responds. Reasoning is switched off unless a step switches it on; it is kept apart from the text, and counts towards max tokens.',
    ]
  return []
}
