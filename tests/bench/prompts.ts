// Knows: prompts of an exact number of tokens, the same in every run: pieces of the licence, which the model knows so well that
// programs with different rounding continue them in the same way.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceFromBytes } from '../../src/engine/weights/source.ts'
import { readGgufCard } from '../../workers/teachers/gguf-card.ts'
import { SHARED } from '../browser/launch.ts'
import type { TextTokenizer } from '../../src/engine/tokenizers/text-tokenizer.ts'

const LICENCE = fileURLToPath(new URL('../../LICENSE', import.meta.url))

export interface Prompts {
  readonly tokenizer: TextTokenizer
  readonly parameters: number
  /** `count` different texts of `length` tokens each, none a prefix of another. */
  cut(count: number, length: number): readonly string[]
}

export async function readPrompts(file: string): Promise<Prompts> {
  const { tokenizer, card } = await readGgufCard(
    sourceFromBytes(file, new Uint8Array(await readFile(join(SHARED, 'models', file)))),
  )
  const all = tokenizer.encode(await readFile(LICENCE, 'utf8'), { special: false })
  return {
    tokenizer,
    parameters: card.parameters,
    cut: (count, length) => {
      const texts: string[] = []
      for (let at = 0; texts.length < count;) {
        if (at + length > all.length)
          throw new RangeError(
            `The licence has ${all.length} tokens: too few for ${count} prompts of ${length}.`,
          )
        const text = tokenizer.decode(all.slice(at, at + length))
        // A cut between tokens may split a word: the text must have the same number of tokens again.
        const whole = tokenizer.encode(text, { special: false }).length === length && !text.includes('\uFFFD')
        if (whole) texts.push(text)
        at += whole ? length : 1
      }
      return texts
    },
  }
}
