import fc from 'fast-check'
import Papa from 'papaparse'
import { expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import type { RowId } from '../../../src/domain/id.ts'
import { seedId } from '../../../src/domain/seed.ts'
import { exporters, exportRows } from '../../../src/pipeline/exporting/index.ts'
import { readSeeds } from '../../../src/pipeline/seeds/read-seeds.ts'
import { projectId, teacher } from '../samples.ts'

const row = (changed: Partial<DatasetRow> = {}): DatasetRow => ({
  rowId: 'r1' as RowId,
  seedId: seedId('s'),
  split: 'train',
  system: '',
  prompt: 'Why?',
  completion: 'Because.',
  editedByHand: false,
  ...changed,
})
const rows = [
  row({ score: 3.5 }),
  row({
    split: 'held-out',
    system: 'Be brief.',
    prompt: '=SUM(A1)',
    completion: 'Two\nlines, "quoted"',
    editedByHand: true,
  }),
]
const write = (given: readonly DatasetRow[], format: string): string =>
  [...exportRows(given, format).pieces].join('')
const lines = (format: string): unknown[] =>
  write(rows, format)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('exports the chat as messages', () => {
  expect(lines('messages')).toMatchObject([
    {
      messages: [
        { role: 'user', content: 'Why?' },
        { role: 'assistant', content: 'Because.' },
      ],
      split: 'train',
      score: 3.5,
    },
    {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: '=SUM(A1)' },
        { role: 'assistant', content: 'Two\nlines, "quoted"' },
      ],
      split: 'held-out',
      edited_by_hand: true,
    },
  ])
})

test('exports the fields of the prompt-completion and Alpaca formats', () => {
  expect(lines('prompt-completion')[0]).toMatchObject({ prompt: 'Why?', completion: 'Because.' })
  expect(lines('alpaca')[1]).toMatchObject({
    instruction: '=SUM(A1)',
    input: '',
    output: 'Two\nlines, "quoted"',
    system: 'Be brief.',
  })
})

test('exports a table that reads back as the same texts, including formulas and line breaks', () => {
  const { data } = Papa.parse<Record<string, string>>(write(rows, 'csv'), {
    header: true,
    skipEmptyLines: true,
  })
  expect(data).toMatchObject([
    { prompt: 'Why?', completion: 'Because.', score: '3.5', split: 'train' },
    { prompt: '=SUM(A1)', completion: 'Two\nlines, "quoted"', system: 'Be brief.', edited_by_hand: 'true' },
  ])
})

test('preserves any text and every row in every format', () => {
  const text = fc.string({ unit: 'binary', minLength: 1 }).filter((one) => !one.includes('\r')) // CSV readers may change a bare \r
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 10 }), (pairs) => {
      const many = pairs.map(([prompt, completion]) => row({ prompt, completion }))
      const read = (format: string): unknown[] =>
        write(many, format)
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      expect(
        read('messages').map((one) =>
          (one as { messages: { content: string }[] }).messages.map(({ content }) => content),
        ),
      ).toEqual(pairs)
      expect(
        read('prompt-completion').map((one) => [(one as DatasetRow).prompt, (one as DatasetRow).completion]),
      ).toEqual(pairs)
      expect(
        read('alpaca').map((one) => [
          (one as { instruction: string }).instruction,
          (one as { output: string }).output,
        ]),
      ).toEqual(pairs)
      const table = Papa.parse<string[]>(write(many, 'csv'), { newline: '\r\n' }).data.slice(1, -1)
      expect(table.map((cells) => [cells[2], cells[3]])).toEqual(pairs)
    }),
  )
})

test('exports files that can be imported as seeds', async () => {
  for (const { format } of exporters) {
    if (format === 'preference') continue // pairs are for trainers: two completions of a prompt are not a seed
    const { ending } = exportRows(rows, format)
    const text = write(rows, format)
    const found = []
    for await (const { seeds } of readSeeds(
      { kind: 'file', file: new File([text], `d${ending}`) },
      { projectId, now: 1 },
    ))
      found.push(...seeds)
    expect(
      found.map((seed) => [seed.text, seed.answer]),
      format,
    ).toEqual([
      ['Why?', 'Because.'],
      ['=SUM(A1)', 'Two\nlines, "quoted"'],
    ])
  }
})

const talk = row({
  system: 'Not used.',
  earlier: [
    { role: 'system', content: 'You are a baker.' },
    { role: 'user', content: 'Hi?' },
    { role: 'assistant', content: 'Hello.' },
  ],
  prompt: 'What is fresh?',
  completion: 'Rye bread.',
  score: 3,
  scores: [
    { rubric: 'helpfulness@1', judge: 'Large', score: 4 },
    { rubric: 'own', judge: 'Tiny', score: 2 },
  ],
  fields: { topic: 'bread', level: 2 },
  writtenBy: 'Large',
  rejected: { completion: 'No.' },
})
const ruled = row({ system: 'Be brief.', fields: { level: 3, topic: 7 }, rejected: { completion: 'No.' } })
const facts = {
  teacher,
  judges: [{ ...teacher, name: 'Large', fingerprint: 'ffff', licence: 'mit' }, teacher],
}
const recordsIn = (format: string): Record<string, unknown>[] =>
  [...exportRows([ruled, talk], format, facts).pieces].map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  )

test('exports whole conversations, each format in its way', () => {
  const before = [
    { role: 'system', content: 'You are a baker.' },
    { role: 'user', content: 'Hi?' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: 'What is fresh?' },
  ]
  expect(recordsIn('messages')[1]).toMatchObject({
    messages: [...before, { role: 'assistant', content: 'Rye bread.' }],
  })
  expect(recordsIn('preference')[1]).toMatchObject({ prompt: before, chosen: [{ content: 'Rye bread.' }] })
  expect(recordsIn('alpaca')).toMatchObject([
    { system: 'Be brief.', history: [] },
    { system: 'You are a baker.', history: [['Hi?', 'Hello.']], instruction: 'What is fresh?' },
  ])
  expect(recordsIn('prompt-completion')).toMatchObject([
    { system: 'Be brief.', earlier: [] },
    { system: 'You are a baker.', earlier: before.slice(1, 3), prompt: 'What is fresh?' },
  ])
  const odd = row({
    earlier: [
      { role: 'assistant', content: 'Welcome.' },
      { role: 'user', content: 'A.' },
      { role: 'user', content: 'B.' },
      { role: 'assistant', content: 'C.' },
      { role: 'user', content: 'D.' },
    ],
  })
  expect(JSON.parse([...exportRows([odd], 'alpaca').pieces][0]!)).toMatchObject({
    history: [
      ['', 'Welcome.'],
      ['A.\n\nB.', 'C.'],
      ['D.', ''],
    ],
  })
})

test('exports who wrote and judged a row, with the licence where it is known, and its fields', () => {
  for (const { format } of exporters) {
    if (format === 'csv') continue
    expect(recordsIn(format), format).toMatchObject([
      { written_by: 'Tiny', licence: 'apache-2.0', scores: [], fields: { topic: '7', level: 3 } },
      {
        written_by: 'Large',
        licence: 'mit',
        scores: [
          { rubric: 'helpfulness@1', judge: 'Large', score: 4 },
          { rubric: 'own', judge: 'Tiny', score: 2 },
        ],
        fields: { topic: 'bread', level: 2 },
      },
    ])
  }
  const [one, two] = Papa.parse<Record<string, string>>(
    [...exportRows([ruled, talk], 'csv', facts).pieces].join(''),
    { header: true, skipEmptyLines: true },
  ).data
  expect(one).toMatchObject({ system: 'Be brief.', earlier: '', 'field.topic': '7', written_by: 'Tiny' })
  expect(two).toMatchObject({
    system: 'You are a baker.',
    'field.topic': 'bread',
    'field.level': '2',
    licence: 'mit',
  })
  expect(JSON.parse(two!['earlier']!)).toEqual([
    { role: 'user', content: 'Hi?' },
    { role: 'assistant', content: 'Hello.' },
  ])
  expect(JSON.parse(two!['scores']!)).toHaveLength(2)
})

test('exports conversations that come back as the same seeds', async () => {
  for (const { format } of exporters) {
    if (format === 'preference') continue
    const { pieces, ending } = exportRows([talk], format, facts)
    const found = []
    for await (const { seeds } of readSeeds(
      { kind: 'file', file: new File([[...pieces].join('')], `d${ending}`) },
      { projectId, now: 1 },
    ))
      found.push(...seeds)
    expect(found, format).toMatchObject([
      { text: 'What is fresh?', answer: 'Rye bread.', earlier: talk.earlier },
    ])
  }
})

test('throws a RangeError on an unknown format', () => {
  expect(() => exportRows(rows, 'parquet')).toThrow(RangeError)
})

test('writes every field in every line, so that a loader finds all columns in the first ones', () => {
  const pairs = rows.map((one) => ({ ...one, rejected: { completion: 'No.' } }))
  for (const { format } of exporters) {
    if (format === 'csv') continue
    const records = [...exportRows(pairs, format).pieces].map((line) => JSON.parse(line) as object)
    expect(records).toHaveLength(2)
    expect(Object.keys(records[1] ?? {}), format).toEqual(Object.keys(records[0] ?? {}))
    expect(records[1]).toMatchObject({ score: null, edited_by_hand: true })
  }
})

test('writes a file row by row, never as one text', () => {
  for (const { format } of exporters) {
    const pieces = [
      ...exportRows(
        Array.from({ length: 50 }, () => row()),
        format,
      ).pieces,
    ]
    expect(pieces.length, format).toBe(format === 'preference' ? 0 : format === 'csv' ? 51 : 50)
  }
})
