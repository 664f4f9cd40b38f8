import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ColumnMapping } from '../../../src/domain/column-mapping.ts'
import type { Problem } from '../../../src/domain/problem.ts'
import type { Seed } from '../../../src/domain/seed.ts'
import { readSeeds, type SeedSource } from '../../../src/pipeline/seeds/read-seeds.ts'
import { projectId } from '../samples.ts'

async function read(source: SeedSource) {
  const all = {
    seeds: [] as Seed[],
    problems: [] as Problem[],
    report: [] as string[],
    rows: 0,
    format: '',
    batches: 0,
    undecided: false,
  }
  for await (const batch of readSeeds(source, { projectId, now: 7 })) {
    all.seeds.push(...batch.seeds)
    all.problems.push(...batch.problems)
    const { rows, format, undecided = false } = batch
    Object.assign(all, {
      rows,
      format,
      undecided,
      batches: all.batches + 1,
      report: batch.report.sentences(),
    })
  }
  return all
}
const file = (name: string, content: BlobPart) => read({ kind: 'file', file: new File([content], name) })
const typed = (text: string) => read({ kind: 'text', text })
const texts = ({ seeds }: { seeds: Seed[] }): string[] => seeds.map(({ text }) => text)
const sentence = ({ problems }: { problems: Problem[] }): string =>
  problems.map(({ line, sentence: text }) => `${line ?? '-'}: ${text}`).join('\n')

describe('SQuAD’s original nesting', () => {
  const article = (questions: readonly object[]) => ({
    title: 'Rivers',
    paragraphs: [{ context: 'The Elbe is 1,094 km long.', qas: questions }],
  })
  test('gives one seed for each question, with its paragraph and its first answer', async () => {
    const found = await file(
      'train-v2.0.json',
      JSON.stringify({
        version: 'v2.0',
        data: [
          article([
            {
              id: '1',
              question: 'How long is the Elbe?',
              answers: [
                { text: '1,094 km', answer_start: 12 },
                { text: '1,094', answer_start: 12 },
              ],
              is_impossible: false,
            },
            { id: '2', question: 'How deep is it?', answers: [], is_impossible: true },
          ]),
          article([{ id: '3', question: 'Which river is it?', answers: [{ text: 'The Elbe' }] }]),
        ],
      }),
    )
    expect(found.problems).toEqual([])
    expect(found.seeds).toHaveLength(3)
    expect(found.seeds.map(({ answer }) => answer)).toEqual(['1,094 km', undefined, 'The Elbe'])
    for (const { text } of found.seeds) expect(text).toContain('The Elbe is 1,094 km long.')
    expect(found.seeds[1]?.text).toContain('How deep is it?')
    expect(found.report.join(' ')).toMatch(/version/)
  })
})

describe('plain text', () => {
  test('reads a pasted Markdown table as columns, without its line of dashes', async () => {
    const found = await typed(
      '| question | answer |\n| :--- | ---: |\n| What is 2 + 2? | 4 |\n| What is 3 + 3? | 6 |\n',
    )
    expect(found.seeds.map(({ text, answer }) => [text, answer])).toEqual([
      ['What is 2 + 2?', '4'],
      ['What is 3 + 3?', '6'],
    ])
    expect(found.seeds.map(({ line }) => line)).toEqual([3, 4])
    expect(texts(await file('notes.md', 'prompt | answer\n-|-\nEither a \\| b, “or” "c" | d\n'))).toEqual([
      'Either a | b, “or” "c"',
    ])
    expect(texts(await typed('Is | a bar?\nWrite a line of ---'))).toHaveLength(2)
  })

  test('has one seed per line, with any line ends, and ignores blank lines', async () => {
    const found = await typed('One seed\r\n\r\n  Two seeds \rThree seeds\n\nFour')
    expect(found.seeds.map(({ text, line, source, addedAt }) => [text, line, source, addedAt])).toEqual([
      ['One seed', 1, 'typed', 7],
      ['Two seeds', 3, 'typed', 7],
      ['Three seeds', 4, 'typed', 7],
      ['Four', 6, 'typed', 7],
    ])
    expect(found.problems).toEqual([])
  })

  test('reports a repeated line and makes one seed', async () => {
    const found = await typed('Same\nOther\nSame')
    expect(texts(found)).toEqual(['Same', 'Other'])
    expect(sentence(found)).toBe('')
    expect(found.report).toEqual([
      '1 row repeats an earlier one and was merged with it: line 3 repeats line 1.',
    ])
  })

  test('keeps a note in brackets as text', async () => {
    expect(texts(await typed('[Reply to this] The shop is closed.\n{hello}'))).toEqual([
      '[Reply to this] The shop is closed.',
      '{hello}',
    ])
  })
})

describe('JSON lines', () => {
  const lines = [
    '{"instruction": "Antonyms?", "instances": [{"input": "Night : Day", "output": "opposites"}, {"input": "b", "output": "c"}]}',
    '{"instruction": "No input", "instances": [{"input": "", "output": "x"}]}',
    '{"prompt": "P", "completion": "C"}',
    '{"prompt": [{"role": "user", "content": "Chat P"}], "completion": [{"role": "assistant", "content": "Chat C"}]}',
    '{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "M"}, {"role": "assistant", "content": "A"}]}',
    '{"conversations": [{"from": "human", "value": "H"}, {"from": "gpt", "value": "G"}]}',
    '{"text": "T"}',
    '{"instruction": "I", "input": "In", "output": "O"}',
    '{"instruction": "J", "input": "<noinput>", "output": "O"}',
    '"A bare string"',
  ]

  test('reads the record formats of other tools', async () => {
    const found = await file('seeds.jsonl', lines.join('\n'))
    expect(sentence(found)).toBe('')
    expect(found.seeds.map(({ text, answer }) => [text, answer])).toEqual([
      ['Antonyms?\n\nNight : Day', 'opposites'],
      ['No input', 'x'],
      ['P', 'C'],
      ['Chat P', 'Chat C'],
      ['M', 'A'],
      ['H', 'G'],
      ['T', undefined],
      ['I\n\nIn', 'O'],
      ['J', 'O'],
      ['A bare string', undefined],
    ])
  })

  test('reports the line and reason of invalid rows, and keeps valid ones', async () => {
    const found = await file(
      'seeds.jsonl',
      `${lines[2]}\nnot json\n{"prompt": 5}\n{"label": 1}\n[1]\n{"prompt": "  "}\n{"messages": [{"role": "assistant", "content": "A"}]}\n{"instruction": "x", "instances": [4]}\n{"prompt": "cut in the mid`,
    )
    expect(texts(found)).toEqual(['P'])
    expect(found.problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    for (const part of [
      'not JSON',
      '`prompt` must be text, not a number',
      'it has `label`',
      'a list',
      'is empty',
      'no text message of the role “user”',
      '`instances` must be',
      'ends in the middle',
    ])
      expect(sentence(found)).toContain(part)
  })

  test('recognises JSON lines without a name and in files called .json', async () => {
    expect((await typed(lines.slice(0, 3).join('\n'))).format).toBe('jsonl')
    expect((await file('seeds.json', lines.slice(0, 3).join('\n'))).format).toBe('jsonl')
    expect(texts(await typed('{"prompt": "only one"}'))).toEqual(['only one'])
  })
})

describe('JSON', () => {
  test('reads a list, a record with a list, or one record', async () => {
    expect(texts(await file('a.json', '["x", {"prompt": "y"}]'))).toEqual(['x', 'y'])
    expect(texts(await file('a.json', '{"version": 1, "data": [{"text": "x"}]}'))).toEqual(['x'])
    expect(texts(await file('a.json', '{\n"instruction": "one",\n"instances": []}'))).toEqual(['one'])
    expect(texts(await typed('[\n  {"prompt": "pasted"}\n]'))).toEqual(['pasted'])
  })

  test('reports the number of an invalid item, and a truncated file', async () => {
    expect(sentence(await file('a.json', '["x", 5]'))).toContain('2: A seed is a text or a record')
    expect(sentence(await file('a.json', '[{"prompt": "x"}, {"pro'))).toContain('ends in the middle')
    expect(sentence(await file('a.json', '{"a": 1}\n]'))).toContain('not JSON')
  })
})

describe('tables', () => {
  test('takes the column named by a header, with its answer', async () => {
    const found = await file(
      'a.csv',
      'id,Prompt,completion\n1,"Say ""hi"", please",Hi\n2,"Two\nlines",\n3,,x\n4,Last,y',
    )
    expect(found.seeds.map(({ text, answer, line }) => [text, answer, line])).toEqual([
      ['Say "hi", please', 'Hi', 2],
      ['Two\nlines', undefined, 3],
      ['Last', 'y', 6],
    ])
    expect(sentence(found)).toContain('5: The column `Prompt` is empty')
  })

  test('leaves a table without known names undecided', async () => {
    expect(await file('a.csv', 'First seed;1\nSecond seed;0')).toMatchObject({ seeds: [], undecided: true })
    expect(await file('a.tsv', 'a "quoted word , and\t1\n"whole cell ""quoted"""\t0')).toMatchObject({
      seeds: [],
      undecided: true,
    })
  })

  test('joins an instruction and its input', async () => {
    expect(texts(await file('a.csv', 'instruction,input,output\nTranslate,Guten Tag,Hello'))).toEqual([
      'Translate\n\nGuten Tag',
    ])
  })

  test('recognises a pasted table by its header', async () => {
    expect((await typed('prompt\tcompletion\nWhy?\tBecause.')).seeds[0]).toMatchObject({
      text: 'Why?',
      answer: 'Because.',
    })
    expect((await typed('Dear customer, thank you\nSecond, line')).format).toBe('text')
  })

  test('reports a row with a stray quotation mark', async () => {
    const found = await file('a.csv', 'prompt\nGood one\n"Bad" one\nGood two\n')
    expect(texts(found)).toContain('Good one')
    expect(sentence(found)).toContain('quotation mark')
  })

  test('reports an unclosed quotation mark once, and keeps the rows before it', async () => {
    const found = await file('a.csv', `prompt\nGood one\n"open ${'x, y\n'.repeat(500_000)}`)
    expect(texts(found)).toEqual(['Good one'])
    expect(found.problems).toHaveLength(1)
    expect(sentence(found)).toMatch(/^3: A quotation mark opened on line 3 is not closed/)
  })
})

const latin1 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const utf16 = (text: string, mark: boolean): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Uint16Array.from((mark ? '\ufeff' : '') + text, (letter) => letter.charCodeAt(0)).buffer)

describe('files that are not text', () => {
  test.each([
    ['an empty file', 'a.txt', new Uint8Array(), 'a.txt is empty.'],
    ['a blank file', 'a.txt', latin1('\n \n\t\n'), 'it is blank'],
    ['UTF-16 with its mark', 'a.csv', utf16('prompt\nHello', true), 'UTF-16'],
    ['UTF-16 without', 'a.txt', utf16('Hello there, this is a line', false), 'UTF-16'],
    ['a model', 'a.txt', latin1('GGUF\u0003\0\0\0'), 'Open it under Teacher'],
    ['a spreadsheet', 'a.csv', latin1('PK\u0003\u0004xxxx'), 'Office document'],
    ['a Parquet file', 'a.parquet', latin1('PAR1xxxx'), 'Parquet'],
    ['random bytes', 'a.jsonl', Uint8Array.from({ length: 9000 }, (_, i) => (i * 7919) % 256), 'not text'],
  ])('refuses %s with one sentence', async (_what, name, bytes, part) => {
    const found = await file(name, bytes)
    expect(found.seeds).toEqual([])
    expect(found.problems).toHaveLength(1)
    expect(sentence(found)).toContain(part)
  })

  test('refuses an empty text with one sentence', async () => {
    expect(sentence(await typed(''))).toContain('There is no text yet')
  })

  test('reports another encoding once, and keeps the lines before the first invalid one', async () => {
    const found = await file(
      'a.txt',
      latin1(`First line\nSecond line\nCaf\u00e9 three\n${'Caf\u00e9 again\n'.repeat(100_000)}`),
    )
    expect(texts(found)).toEqual(['First line', 'Second line'])
    expect(sentence(found)).toMatch(/^3: Line 3 is not UTF-8 text\./)
  })

  test('finds the line of an invalid byte far into a long file', async () => {
    const good = Array.from({ length: 60_000 }, (_, i) => `Zeile ${i} mit ü und 語`).join('\n')
    const found = await file('a.txt', new Blob([good, '\n', new Uint8Array([0x41, 0xff]), '\nafter']))
    expect(found.seeds).toHaveLength(60_000)
    expect(sentence(found)).toMatch(/^60001: Line 60001 is not UTF-8/)
  })

  test('reports a file that vanishes during reading, and keeps what was read', async () => {
    let reads = 0
    const whole = new File([`${'A line of text\n'.repeat(40_000)}`], 'gone.txt')
    const found = await read({
      kind: 'file',
      file: {
        name: whole.name,
        size: whole.size,
        slice: (from, to) =>
          reads++ === 0
            ? whole.slice(from, to)
            : ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotFoundError')) } as Blob),
      },
    })
    expect(found.seeds).toHaveLength(1)
    expect(sentence(found)).toContain('gone.txt could not be read to its end')
  })
})

describe('large and odd sources', () => {
  test('reads a hundred thousand rows in batches', async () => {
    const found = await file(
      'a.jsonl',
      Array.from({ length: 100_000 }, (_, i) => JSON.stringify({ prompt: `Seed number ${i}` })).join('\n'),
    )
    expect(found.seeds).toHaveLength(100_000)
    expect(found.batches).toBeGreaterThan(10)
  })

  test('reports and skips a huge line without buffering it', async () => {
    const found = await file('a.txt', `Before\n${'x'.repeat(3_000_000)}\nAfter`)
    expect(texts(found)).toEqual(['Before', 'After'])
    expect(sentence(found)).toContain('2: The line has more than 1,000,000 characters')
  })

  test('reports a seed that is too long, and takes the others', async () => {
    const found = await typed(`Short\n${'long '.repeat(2000)}\nShort too`)
    expect(texts(found)).toEqual(['Short', 'Short too'])
    expect(sentence(found)).toContain('2: The seed has 9999 characters')
  })

  test('stops reading on abort', async () => {
    const aborter = new AbortController()
    const reading = readSeeds(
      { kind: 'text', text: 'line\n'.repeat(200_000) },
      { projectId, now: 1, signal: aborter.signal },
    )
    await reading.next()
    aborter.abort()
    await expect(reading.next()).rejects.toThrow()
  })

  test('never throws on any bytes under any name', async () => {
    const names = fc.constantFrom('a.txt', 'a.jsonl', 'a.json', 'a.csv', 'a.tsv', 'a', 'a.parquet')
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 500 }),
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => new TextEncoder().encode(text)),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .array(
          fc.constantFrom('prompt', ',', '"', '\n', '\r', '\t', '{', '}', '[', ']', ':', 'a', 'é', '""'),
          { maxLength: 80 },
        )
        .map((parts) => new TextEncoder().encode(parts.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(names, bytes, async (name, content) => {
        const found = await file(name, new Uint8Array(content))
        expect(found.undecided || found.seeds.length + found.problems.length > 0).toBe(true)
        expect(new Set(found.seeds.map(({ id }) => id)).size).toBe(found.seeds.length)
        for (const { text } of found.seeds) expect(text.trim()).not.toBe('')
      }),
      { numRuns: 1500 },
    )
  })
})

const shared = new URL('../../../../shared/data/', import.meta.url)
const isThere = existsSync(shared)
if (!isThere) console.warn('Skipped: ../shared/data with the seed files is missing.')

test.skipIf(!isThere)('reads Self-Instruct’s own seed file (needs ../shared/data)', async () => {
  const found = await file(
    'self-instruct-seeds.jsonl',
    readFileSync(new URL('self-instruct-seeds.jsonl', shared)),
  )
  expect(sentence(found)).toBe('')
  expect(found.seeds).toHaveLength(175)
  expect(found.seeds[1]).toMatchObject({
    line: 2,
    text: 'What is the relation between the given pairs?\n\nNight : Day :: Right : Left',
  })
})

test.skipIf(!isThere)('reads a tab-separated file without a header (needs ../shared/data)', async () => {
  const source = new File([readFileSync(new URL('sst2-train.tsv', shared))], 'sst2-train.tsv')
  let chosen: ColumnMapping | undefined
  for await (const batch of readSeeds({ kind: 'file', file: source }, { projectId, now: 7 })) {
    expect(batch).toMatchObject({ undecided: true, seeds: [], columns: { header: false } })
    chosen = batch.columns
  }
  expect(chosen?.columns.map(({ role }) => role)).toEqual(['prompt', 'answer'])
  let [rows, found, labelled] = [0, 0, 0]
  for await (const batch of readSeeds({ kind: 'file', file: source }, { projectId, now: 7, chosen })) {
    expect(batch.problems).toEqual([])
    rows = batch.rows
    found += batch.seeds.length
    labelled += batch.seeds.filter(({ answer }) => answer === '0' || answer === '1').length
  }
  expect(rows).toBe(6920)
  expect(found).toBeGreaterThan(6900)
  expect(labelled).toBe(found)
})

test('a record nested too deeply to be written as text is refused by itself, with a sentence', async () => {
  const deep = '['.repeat(20_000) + ']'.repeat(20_000)
  const text = `{"prompt":"Why?","context":${deep}}\n{"prompt":"How?"}\n`
  const { seeds, problems } = await read({ kind: 'file', file: new File([text], 'deep.jsonl') })
  expect(seeds.map((seed) => seed.text)).toEqual(['How?'])
  expect(problems).toEqual([
    {
      line: 1,
      sentence: 'The record has lists within lists too deep to be read. Remove that field, or flatten it.',
    },
  ])
})
