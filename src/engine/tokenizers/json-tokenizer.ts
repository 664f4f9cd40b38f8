// Knows: how a tokenizer.json with its tokenizer_config.json becomes a tokenizer: byte-level BPE, which is what this program
// writes for its students. It is a parser of data that crossed a boundary.
import { compileChatTemplate } from './chat-template.ts'
import { PackageTokenizer } from './package-tokenizer.ts'
import type { TextTokenizer } from './text-tokenizer.ts'

/**
 * A tokenizer from the two parsed files. Throws an Error with a sentence when they are not those of a byte-level BPE.
 */
export function tokenizerFromJson(tokenizerJson: unknown, config: unknown): TextTokenizer {
  const file = asRecord(tokenizerJson, 'tokenizer.json')
  const settings = asRecord(config, 'tokenizer_config.json')
  const model = asRecord(file['model'], 'the model in tokenizer.json')
  if (model['type'] !== 'BPE') throw new Error(`tokenizer.json holds a model of the kind ${JSON.stringify(model['type'])}; only byte-level BPE is read.`)
  const tokens: string[] = []
  const put = (id: unknown, token: unknown): void => {
    if (typeof token !== 'string' || typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > 4_000_000) throw new Error('tokenizer.json has a token that is not a text with a whole number.')
    tokens[id] = token
  }
  for (const [token, id] of Object.entries(asRecord(model['vocab'], 'the vocabulary in tokenizer.json'))) put(id, token)
  const specialIds = new Set<number>()
  const literalIds = new Set<number>()
  for (const item of Array.isArray(file['added_tokens']) ? file['added_tokens'] : []) {
    const added = asRecord(item, 'an added token in tokenizer.json')
    put(added['id'], added['content'])
    ;(added['special'] === true ? specialIds : literalIds).add(added['id'] as number)
  }
  const textOf = (key: string): string => {
    const value = settings[key]
    return typeof value === 'string' ? value : ''
  }
  const end = tokens.indexOf(textOf('eos_token'))
  const source = settings['chat_template']
  const template = typeof source === 'string' ? compileChatTemplate(source, { bos_token: textOf('bos_token'), eos_token: textOf('eos_token'), pad_token: textOf('pad_token'), unk_token: textOf('unk_token') }) : undefined
  return new PackageTokenizer({
    json: file,
    tokens: Array.from(tokens, (token) => token ?? ''),
    specialIds,
    literalIds,
    style: 'alphabet',
    endIds: new Set(end < 0 ? [] : [end]),
    startIds: [],
    template,
  })
}

function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what[0]?.toUpperCase()}${what.slice(1)} is not what it should be. The student's files are damaged: train it again, or open an earlier project file.`)
  return Object.fromEntries(Object.entries(value))
}
