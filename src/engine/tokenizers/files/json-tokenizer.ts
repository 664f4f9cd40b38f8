// Knows: how the tokenizer.json and tokenizer_config.json that this program writes for its students become a tokenizer.
// Must not know: folders of other programs (folder-tokenizer.ts).
import { compileChatTemplate } from '../templates/chat-template.ts'
import type { TextTokenizer } from '../text-tokenizer.ts'
import { readTokenizerFile } from './tokenizer-file.ts'
import { fieldOf, isRecord, show, textOf } from './unknown-json.ts'
import { VocabularyTokenizer } from './vocabulary-tokenizer.ts'

/**
 * A tokenizer from the two parsed files. Throws an Error with a sentence if they are not those of a byte-level BPE.
 */
export function tokenizerFromJson(tokenizerJson: unknown, config: unknown): TextTokenizer {
  checkRecord(tokenizerJson, 'tokenizer.json')
  checkRecord(config, 'tokenizer_config.json')
  const model = fieldOf(tokenizerJson, 'model')
  checkRecord(model, 'the model in tokenizer.json')
  const type = fieldOf(model, 'type')
  if (type !== 'BPE')
    throw new Error(`tokenizer.json has a model of the kind ${show(type)}; only byte-level BPE is supported.`)
  checkRecord(fieldOf(model, 'vocab'), 'the vocabulary in tokenizer.json')
  const nameOf = (key: string): string => textOf(config, key) ?? ''
  const file = readStudentFile(tokenizerJson)
  const end = file.tokens.indexOf(nameOf('eos_token'))
  const source = textOf(config, 'chat_template')
  const template =
    source === undefined
      ? undefined
      : compileChatTemplate(source, {
          bos_token: nameOf('bos_token'),
          eos_token: nameOf('eos_token'),
          pad_token: nameOf('pad_token'),
          unk_token: nameOf('unk_token'),
        })
  return new VocabularyTokenizer({
    ...file,
    endIds: new Set(end < 0 ? [] : [end]),
    startIds: [],
    template,
    json: () => tokenizerJson,
  })
}

const DAMAGED = "The student's files are damaged: train it again, or open an earlier project file."

function readStudentFile(tokenizerJson: unknown): ReturnType<typeof readTokenizerFile> {
  try {
    return readTokenizerFile(tokenizerJson)
  } catch (thrown) {
    throw new Error(
      `In its files, ${thrown instanceof Error ? thrown.message : String(thrown)}. ${DAMAGED}`,
      { cause: thrown },
    )
  }
}

function checkRecord(value: unknown, what: string): void {
  if (!isRecord(value))
    throw new Error(`${what[0]?.toUpperCase()}${what.slice(1)} is not a JSON object. ${DAMAGED}`)
}
