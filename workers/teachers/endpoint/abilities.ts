// Knows: what is found out of a server before it is used, and what a teacher on it therefore gives.
import type { SamplingName, TeacherGives } from '../../../src/domain/model.ts'

/** Fields of sampling beyond OpenAI's that a server may heed. */
export type Extension = 'top_k' | 'min_p' | 'repetition'

/** With the setting that each serves, and its title in sentences. */
const EXTENSIONS: readonly {
  readonly name: Extension
  readonly setting: SamplingName
  readonly title: string
}[] = [
  { name: 'top_k', setting: 'topK', title: 'top-k' },
  { name: 'min_p', setting: 'minP', title: 'min-p' },
  { name: 'repetition', setting: 'repetitionPenalty', title: 'the repetition penalty' },
]

export interface Abilities {
  readonly chat: boolean
  /** It continues a text as it stands, without a template around it. */
  readonly raw: boolean
  /** Likeliest tokens told with each token of a chat's answer, and of a text's. */
  readonly chatLogProbs: number
  readonly rawLogProbs: number
  readonly seeded: boolean
  readonly extensions: readonly Extension[]
  readonly schema: boolean
  /** The field that holds an answer to a grammar. */
  readonly grammar: 'grammar' | 'structured_outputs' | undefined
  /** How an answer that is begun is gone on with: as the last message, or as that with vLLM's two fields. */
  readonly prefill: 'message' | 'flags' | undefined
  /** It tells log-probabilities along a prompt. */
  readonly echo: boolean
  /** It has llama.cpp's own ways: text to tokens, chat to text, any token forced. */
  readonly native: boolean
  /** It counts tokens in answers that it streams. */
  readonly counts: boolean
  /** It wants `max_completion_tokens` and no `max_tokens`. */
  readonly newLimit: boolean
  /** It thinks before it answers. */
  readonly thinks: boolean
}

/** Below this, a list of likeliest tokens is too short to read a verdict of five scores from. */
const LEAST_FOR_SCORES = 5

export const scoresChats = ({ native, chatLogProbs, prefill }: Abilities): boolean =>
  native || (chatLogProbs >= LEAST_FOR_SCORES && prefill !== undefined)

export function givesOf(abilities: Abilities): TeacherGives {
  const { chat, raw, chatLogProbs, rawLogProbs, seeded, extensions, schema, grammar, echo, native } =
    abilities
  return {
    chat,
    rawPrompts: raw,
    scores: chat ? scoresChats(abilities) : native || echo || rawLogProbs >= LEAST_FOR_SCORES,
    traces: false,
    // What is promised holds for every request: of a chat and of a text.
    logProbs: chat && raw ? Math.min(chatLogProbs, rawLogProbs) : chat ? chatLogProbs : rawLogProbs,
    // Top-p is OpenAI's own and taken on trust; the others were seen to work.
    sampling: [
      'topP',
      ...EXTENSIONS.filter(({ name }) => extensions.includes(name)).map(({ setting }) => setting),
    ],
    seeded,
    formats: [...(schema ? (['json-schema'] as const) : []), ...(grammar ? (['grammar'] as const) : [])],
  }
}

/** What a person should know of it, in sentences. */
export function noteAbilities(abilities: Abilities, host: string): readonly string[] {
  const { chat, raw, seeded, extensions, counts, thinks, native } = abilities
  const missing = EXTENSIONS.filter(({ name }) => !extensions.includes(name)).map(({ title }) => title)
  const gives = givesOf(abilities)
  return [
    `What it is asked goes to the program at ${host}, and its answers come from there.`,
    ...(missing.length > 0
      ? [`It does not heed ${missing.join(' and ')}; the program’s own settings of these apply.`]
      : []),
    ...(seeded
      ? []
      : ['The same seed does not draw the same text again here: a run cannot be repeated word for word.']),
    ...(chat && !raw
      ? ['It continues no text as it stands, so steps that need raw prompts cannot use it.']
      : []),
    ...(gives.logProbs === 0
      ? ['It tells no probabilities with what it writes, or not those before temperature and cuts.']
      : []),
    ...(gives.scores && !native
      ? [
          'Scores are read from its list of the likeliest tokens. One that is not on the list counts as unlikely as the list’s end, and is refused where that is above 1 %.',
        ]
      : []),
    ...(counts ? [] : ['It does not count tokens; numbers of tokens are estimates.']),
    ...(thinks
      ? [
          'It thinks before it answers. Its thoughts are not kept, and they count against the length of an answer.',
        ]
      : []),
  ]
}
