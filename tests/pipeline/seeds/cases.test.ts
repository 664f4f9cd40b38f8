// Files as people drop them, each with what becomes of it: those of ../shared/cases where it is there, and others of the same kinds.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readSeeds, type ReadOptions } from '../../../src/pipeline/seeds/read-seeds.ts'
import { projectId } from '../samples.ts'

async function read(name: string, content: BlobPart, options: Partial<ReadOptions> = {}) {
  const seeds: (readonly [text: string, answer?: string])[] = []
  const problems: string[] = []
  const found = { seeds, problems, report: [] as string[], undecided: false, lines: [] as number[] }
  const source =
    name === ''
      ? { kind: 'text' as const, text: content as string }
      : { kind: 'file' as const, file: new File([content], name) }
  for await (const batch of readSeeds(source, { projectId, now: 7, ...options })) {
    for (const { text, answer, line } of batch.seeds) {
      seeds.push(answer === undefined ? [text] : [text, answer])
      found.lines.push(line)
    }
    problems.push(...batch.problems.map(({ line, sentence }) => `${line ?? '-'}: ${sentence}`))
    found.report = batch.report.sentences()
    found.undecided = batch.undecided === true
  }
  return found
}
type Found = Awaited<ReturnType<typeof read>>

const folder = new URL('../../../../shared/cases/seeds/', import.meta.url)
const isThere = existsSync(folder)
if (!isThere) console.warn('Skipped: ../shared/cases with the files that people dropped is missing.')

const CASES: readonly (readonly [file: string, seeds: Found['seeds'], says: readonly RegExp[]])[] = [
  ['unknown-headers.csv', [], []],
  [
    'unquoted-comma.csv',
    [['Hi, how are you?', 'fine']],
    [/^3: The row has 3 cells, and the table has 2 columns, so it was not added\./],
  ],
  ['one-column.csv', [['Hello, dear world'], ['Good night']], []],
  ['space-before-quote.csv', [['Say hi', 'Hello, you']], []],
  ['sep-line.csv', [['How far is it?', '12 km']], []],
  ['comment-first.csv', [['How far is it?', '12 km']], [/^Skipped 1 comment line before the header\.$/]],
  ['pipes.csv', [['How far is it?', '12 km']], []],
  [
    'newline-in-quotes.tsv',
    [
      ['Say hi', 'line one\nline two'],
      ['Bye', 'ok'],
    ],
    [],
  ],
  [
    'typed-answers.jsonl',
    [
      ['What is two plus two?', '4'],
      ['What is pi, roughly?', '3.14'],
      ['Is water wet?', 'true'],
      ['Name two letters.'],
    ],
    [/^Did not read `answer` as an answer .* in 1 row\.$/],
  ],
  [
    'context.jsonl',
    [
      ['Who wrote it?\n\nAnn wrote the letter.', 'Ann'],
      ['What has Ann?\n\nAnn has a dog.', 'a dog'],
    ],
    [/^Put `context` into the prompt in 2 rows\.$/],
  ],
  ['chats.jsonl', [['Hi?', 'Hi.']], [/^2 later turns and 1 system message are not used yet\.$/]],
  ['array.jsonl', [['One?'], ['Two?']], []],
  ['trailing-commas.jsonl', [['One?'], ['Two?']], []],
  ['pretty.jsonl', [['One?'], ['Two?']], []],
  [
    'list-marks.txt',
    [['Write a poem about rain.'], ['Explain tides.'], ['Draw up a plan for a garden.']],
    [/^Took the list mark off 3 lines\.$/],
  ],
  [
    'known-sets.jsonl',
    [
      ['What is 2+2?', '4'],
      ['Translate: chat', 'cat'],
      ['Hi?', 'Hello.'],
      ['Say hi.'],
      ['A lovely film.', 'positive'],
    ],
    [/^Kept `solution` with the seed in 1 row\.$/],
  ],
  ['lone-surrogate.jsonl', [['Broken \uFFFD emoji']], [/^Replaced half a character by “\uFFFD” in 1 row\.$/]],
]

describe.skipIf(!isThere)('a dropped file (needs ../shared/cases)', () => {
  test.each(CASES)('%s gives its seeds and reports the rest', async (file, seeds, says) => {
    const found = await read(file, readFileSync(new URL(file, folder)))
    expect(found.seeds).toEqual(seeds)
    expect(found.undecided).toBe(file === 'unknown-headers.csv')
    const sentences = [...found.problems, ...found.report]
    for (const expected of says) expect(sentences.filter((text) => expected.test(text))).toHaveLength(1)
    expect(found.problems).toHaveLength(file === 'unquoted-comma.csv' ? 1 : 0)
  })
})
