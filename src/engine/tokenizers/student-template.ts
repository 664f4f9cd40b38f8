// Knows: how a student is spoken to: its special tokens, its chat template, and which tokens of an example it learns from.
// Must not know: datasets, training.
import type { ChatMessageText, TextTokenizer } from './text-tokenizer.ts'
import { tokenizerFromJson } from './json-tokenizer.ts'
import { trainBpe } from './train-bpe.ts'

/** Fills rows of a batch and separates documents; no message contains it. */
export const PAD_TOKEN = '<|endoftext|>'
/** Ends every message: what a student writes when it is done. */
export const END_TOKEN = '<|end|>'
/** In this order they have the ids 0 to 4. `<|end|>` and `<|endoftext|>` are ends by name in llama.cpp too. */
export const STUDENT_SPECIALS = [PAD_TOKEN, '<|system|>', '<|user|>', '<|assistant|>', END_TOKEN] as const

export const STUDENT_CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"

export interface StudentTokenizerFiles {
  readonly tokenizerJson: object
  readonly tokenizerConfig: object
}

/** tokenizer_config.json of every student. `context` is the longest text that it was trained on, in tokens. */
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

/** Learns a student's vocabulary from texts; see trainBpe for options and errors. */
export function trainStudentTokenizer(
  texts: Iterable<string>,
  vocabulary: number,
  onProgress?: (done: number, total: number) => void,
): StudentTokenizerFiles & { readonly tokenizer: TextTokenizer } {
  const { tokenizerJson } = trainBpe(texts, { vocabulary, specials: STUDENT_SPECIALS }, onProgress)
  const tokenizerConfig = makeStudentTokenizerConfig()
  return { tokenizerJson, tokenizerConfig, tokenizer: tokenizerFromJson(tokenizerJson, tokenizerConfig) }
}

/** Messages that a row's completion answers. */
export const messagesOf = ({
  system,
  prompt,
}: {
  readonly system?: string
  readonly prompt: string
}): ChatMessageText[] => [
  ...(system ? [{ role: 'system', content: system }] : []),
  { role: 'user', content: prompt },
]

/** The stretches that a student's tokenizer is asked to cut when it reads and writes a row: what its vocabulary must cover. */
export const textsOfExample = ({
  system,
  prompt,
  completion,
}: {
  readonly system?: string
  readonly prompt: string
  readonly completion: string
}): string[] => ['\n', ...(system ? [`\n${system}`] : []), `\n${prompt}`, completion]

export interface StudentExample {
  readonly ids: number[]
  /** ids[border …] are what the student learns to write: the completion and the end token. What is before is only read. */
  readonly border: number
}

/**
 * Ids of messages up to and including the assistant's header: what a student reads before it writes. The same ids as the
 * rendered template's, but special tokens that a message contains stay plain characters.
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

/** Ids of a prompt and its completion, and where learning begins. The completion is tokenised apart, as it is when written. */
export function renderStudentExample(
  tokenizer: TextTokenizer,
  {
    system,
    prompt,
    completion,
  }: { readonly system?: string; readonly prompt: string; readonly completion: string },
): StudentExample {
  const read = renderStudentPrompt(tokenizer, messagesOf({ ...(system ? { system } : {}), prompt }))
  return {
    ids: [...read, ...tokenizer.encode(completion, { special: false }), findSpecial(tokenizer, END_TOKEN)],
    border: read.length,
  }
}

/** A whole chat, of which the assistant's messages from index `learnFrom` on are learned: its ids, and 1 for each id to be written. */
export function renderStudentChat(
  tokenizer: TextTokenizer,
  messages: readonly ChatMessageText[],
  learnFrom: number,
): { readonly ids: number[]; readonly learned: Uint8Array } {
  const lineBreak = tokenizer.encode('\n', { special: false })
  const ids: number[] = []
  const learned: [from: number, to: number][] = []
  messages.forEach(({ role, content }, i) => {
    const writes = role === 'assistant'
    ids.push(findSpecial(tokenizer, `<|${role}|>`), ...(writes ? lineBreak : []))
    const from = ids.length
    ids.push(
      ...tokenizer.encode(writes ? content : `\n${content}`, { special: false }),
      findSpecial(tokenizer, END_TOKEN),
    )
    if (writes && i >= learnFrom) learned.push([from, ids.length])
    ids.push(...lineBreak)
  })
  const marks = new Uint8Array(ids.length)
  for (const [from, to] of learned) marks.fill(1, from, to)
  return { ids, learned: marks }
}

function findSpecial(tokenizer: TextTokenizer, token: string): number {
  const id = tokenizer.idOf(token)
  if (id === undefined) throw new RangeError(`This tokenizer has no ${token}: it is not a student's.`)
  return id
}
