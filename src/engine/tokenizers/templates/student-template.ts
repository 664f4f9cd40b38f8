// Knows: a student's prompt format: its special tokens, its chat template, and which tokens of an example are
// training targets.
// Must not know: datasets, training.
import type { ChatMessageText, TextTokenizer } from '../text-tokenizer.ts'
import { tokenizerFromJson } from '../files/json-tokenizer.ts'
import { trainBpe } from '../bpe/train-bpe.ts'

/** Pads rows of a batch and separates documents; no message contains it. */
export const PAD_TOKEN = '<|endoftext|>'
/** Ends every message: a student generates it at the end of its answer. */
export const END_TOKEN = '<|end|>'
/**
 * In this order they have the ids 0 to 4. llama.cpp also treats `<|end|>` and `<|endoftext|>` as end tokens by
 * their names.
 */
export const STUDENT_SPECIALS = [PAD_TOKEN, '<|system|>', '<|user|>', '<|assistant|>', END_TOKEN] as const

export const STUDENT_CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"

export interface StudentTokenizerFiles {
  readonly tokenizerJson: object
  readonly tokenizerConfig: object
}

/** tokenizer_config.json of every student. `context` is the context length in training, in tokens. */
export function makeStudentTokenizerConfig(context?: number): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: null,
    eos_token: END_TOKEN,
    pad_token: PAD_TOKEN,
    unk_token: null,
    additional_special_tokens: ['<|system|>', '<|user|>', '<|assistant|>'],
    clean_up_tokenization_spaces: false,
    ...(context === undefined ? {} : { model_max_length: context }),
    chat_template: STUDENT_CHAT_TEMPLATE,
  }
}

/** Trains a student's tokenizer on texts; see trainBpe for options and errors. */
export function trainStudentTokenizer(
  texts: Iterable<string>,
  vocabulary: number,
  onProgress?: (done: number, total: number) => void,
): StudentTokenizerFiles & { readonly tokenizer: TextTokenizer } {
  const { tokenizerJson } = trainBpe(texts, { vocabulary, specials: STUDENT_SPECIALS }, onProgress)
  const tokenizerConfig = makeStudentTokenizerConfig()
  return { tokenizerJson, tokenizerConfig, tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig) }
}

/** What comes before a completion. */
export interface ConversationText {
  /** Not used if `earlier` begins with a system message, which takes its place. */
  readonly system?: string
  /** The messages before the prompt. */
  readonly earlier?: readonly ChatMessageText[]
  readonly prompt: string
}

/** The messages before a row's completion. */
export const messagesOf = ({ system, earlier = [], prompt }: ConversationText): ChatMessageText[] => [
  ...(system && earlier[0]?.role !== 'system' ? [{ role: 'system', content: system }] : []),
  ...earlier,
  { role: 'user', content: prompt },
]

/** The texts that a student's tokenizer encodes for a row: its vocabulary must cover them. */
export const textsOfExample = ({
  completion,
  ...conversation
}: ConversationText & { readonly completion: string }): string[] => [
  '\n',
  ...messagesOf(conversation).map(({ content }) => `\n${content}`),
  completion,
]

export interface StudentExample {
  readonly ids: number[]
  /** Tokens of the prompt. The others are the training targets: the completion and the end token. */
  readonly promptLength: number
  /** 1 for each token of `ids` that is a training target, if earlier answers are too. */
  readonly targets?: Uint8Array
  /** Earlier answers that are no targets because they could not be found in the rendered chat; absent if there are none. */
  readonly unmarked?: number
}

/**
 * Ids of messages up to and including the assistant's header: a student's prompt. The same ids as from the rendered
 * template, but special tokens inside a message stay plain characters.
 */
export function renderStudentPrompt(
  tokenizer: TextTokenizer,
  messages: readonly ChatMessageText[],
): number[] {
  const lineBreak = tokenizer.encode('\n', { special: false })
  const ids: number[] = []
  for (const { role, content } of messages) {
    ids.push(
      findSpecial(tokenizer, `<|${role}|>`),
      ...tokenizer.encode(`\n${content}`, { special: false }),
      findSpecial(tokenizer, END_TOKEN),
      ...lineBreak,
    )
  }
  ids.push(findSpecial(tokenizer, '<|assistant|>'), ...lineBreak)
  return ids
}

/** Ids of a prompt and its completion. The completion is encoded separately, as in generation. */
export function renderStudentExample(
  tokenizer: TextTokenizer,
  { completion, ...conversation }: ConversationText & { readonly completion: string },
): StudentExample {
  const promptIds = renderStudentPrompt(tokenizer, messagesOf(conversation))
  return {
    ids: [
      ...promptIds,
      ...tokenizer.encode(completion, { special: false }),
      findSpecial(tokenizer, END_TOKEN),
    ],
    promptLength: promptIds.length,
  }
}

/** The same with the earlier answers of the conversation as further training targets. */
export function renderStudentTurns(
  tokenizer: TextTokenizer,
  { completion, ...conversation }: ConversationText & { readonly completion: string },
): StudentExample {
  const messages = [...messagesOf(conversation), { role: 'assistant', content: completion }]
  const { ids, lossMask } = renderStudentChat(tokenizer, messages, 0)
  const length = lossMask.lastIndexOf(1) + 1 // without the line break behind the last answer
  const answer = tokenizer.encode(completion, { special: false }).length + 1
  return {
    ids: ids.slice(0, length),
    promptLength: length - answer,
    targets: lossMask.slice(0, length),
  }
}

/**
 * A whole chat whose training targets are the assistant's messages from index `trainFrom` on: its ids, and a
 * mask with 1 for each target.
 */
export function renderStudentChat(
  tokenizer: TextTokenizer,
  messages: readonly ChatMessageText[],
  trainFrom: number,
): { readonly ids: number[]; readonly lossMask: Uint8Array } {
  const lineBreak = tokenizer.encode('\n', { special: false })
  const ids: number[] = []
  const targets: [from: number, to: number][] = []
  messages.forEach(({ role, content }, i) => {
    const isAnswer = role === 'assistant'
    ids.push(findSpecial(tokenizer, `<|${role}|>`), ...(isAnswer ? lineBreak : []))
    const from = ids.length
    ids.push(
      ...tokenizer.encode(isAnswer ? content : `\n${content}`, { special: false }),
      findSpecial(tokenizer, END_TOKEN),
    )
    if (isAnswer && i >= trainFrom) targets.push([from, ids.length])
    ids.push(...lineBreak)
  })
  const lossMask = new Uint8Array(ids.length)
  for (const [from, to] of targets) lossMask.fill(1, from, to)
  return { ids, lossMask }
}

function findSpecial(tokenizer: TextTokenizer, token: string): number {
  const id = tokenizer.idOf(token)
  if (id === undefined) throw new RangeError(`This tokenizer has no token ${token}: it is not a student's.`)
  return id
}
