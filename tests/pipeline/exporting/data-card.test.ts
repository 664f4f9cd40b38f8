import { parse } from 'yaml'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/domain/dataset.ts'
import type { DatasetId } from '../../../src/domain/id.ts'
import { writeDataCard } from '../../../src/pipeline/exporting/data-card.ts'
import { defaultRecipe } from '../../../src/pipeline/recipes/default-recipe.ts'
import { freezeRows } from '../../../src/pipeline/freezing/freeze-rows.ts'
import { checked, makeRow, projectId, runId, teacher } from '../samples.ts'

const recipe = checked(defaultRecipe())
const dataset: Dataset = {
  projectId,
  id: 'd'.repeat(64) as DatasetId,
  runId,
  recipeHash: recipe.hash,
  recipeText: recipe.text,
  frozenAt: Date.UTC(2026, 0, 2),
  rows: { train: 30, heldOut: 4 },
  teacher,
  seeds: 12,
  funnel: [
    {
      step: 2,
      name: 'length',
      title: 'Length',
      of: 'completion',
      reached: 50,
      passed: 40,
      reasons: [{ reason: 'fewer than 4 words', count: 10 }],
    },
  ],
}

test('states how the dataset was made, by which model and licence, with funnel counts and split', () => {
  const card = writeDataCard({ title: 'Corner shop', dataset })
  for (const part of [
    '# Corner shop',
    '34 rows',
    'frozen on 2026-01-02',
    '**Tiny** (`Q4_1`',
    '**apache-2.0**',
    '12 seeds by Self-Instruct',
    '| Length | completions | 50 | 40 | 10 | fewer than 4 words (10) |',
    '| train | 30 |',
    '| held-out | 4 |',
    'helpfulness@1',
    recipe.hash,
    '- filter: length',
    '## Limitations',
  ])
    expect(card).toContain(part)
  expect(parse(card.split('---')[1]!)).toMatchObject({
    pretty_name: 'Corner shop',
    size_categories: ['n<1K'],
  })
})

test('states that a model names no licence', () => {
  const { licence: _, ...nameless } = teacher
  expect(writeDataCard({ title: 'x', dataset: { ...dataset, teacher: nameless } })).toContain(
    'names no licence',
  )
})

test('escapes names and recipes', () => {
  const card = writeDataCard({
    title: 'A |\n<script>: "x',
    dataset: {
      ...dataset,
      recipeText: `retort: 2\nsteps:\n  - complete: teacher\n    system: "\`\`\`\`"\n`,
      funnel: [{ ...dataset.funnel[0]!, reasons: [{ reason: 'a | b\nc', count: 1 }] }],
    },
  })
  expect(card).toContain('\\<script\\>')
  expect(card).toContain('a \\| b c (1)')
  expect(card).toContain('`````yaml\n')
  expect(parse(card.split('\n---\n')[0]!.slice(4))).toMatchObject({ pretty_name: 'A |\n<script>: "x' })
})

test('counts edits and warns of cells that look like formulas, given the rows', () => {
  const frozen = freezeRows(
    [
      makeRow(0, { edit: { prompt: '=1+1', completion: 'two words', editedAt: 1 } }),
      makeRow(1, { completion: 'four words are here' }),
    ],
    { heldOut: 0.5 },
    1,
  )
  const card = writeDataCard({ title: 'x', dataset, rows: frozen.ok ? frozen.value : [] })
  expect(card).toContain('1 row was edited by hand')
  expect(card).toContain('begin with =')
  expect(card).toContain('3 words on average')
})

test('counts the seeds that were shown, of all, and the rows rejected by hand', () => {
  const card = writeDataCard({
    title: 'x',
    dataset: { ...dataset, seeds: 5, seedsUsed: { shown: 28, of: 30 }, rejectedByHand: 2 },
  })
  expect(card).toContain('Prompts grown from 28 of 30 seeds by Self-Instruct')
  expect(card).toContain('all rows of one of the 5 seeds that they belong to')
  expect(card).toContain('2 rows were rejected by hand and are not in the dataset')
  const all = writeDataCard({ title: 'x', dataset: { ...dataset, seedsUsed: { shown: 30, of: 30 } } })
  expect(all).toContain('grown from 30 seeds by')
  expect(all).not.toContain('rejected by hand')
})

test('lists what the run reported, each sentence once, as text; nothing where it reported nothing', () => {
  const write = (notes?: readonly string[]): string =>
    writeDataCard({ title: 'x', dataset: { ...dataset, ...(notes ? { notes } : {}) } })
  const leftOut = '3 of 40 seeds were left out: they have several turns.'
  const card = write([leftOut, leftOut, 'Two *lines*\n# of <b>text</b>'])
  expect(card.split('## Reported by the run\n\n')[1]?.split('\n\n')[0]).toBe(
    `- ${leftOut}\n- Two \\*lines\\* # of \\<b\\>text\\</b\\>`,
  )
  for (const none of [undefined, []]) expect(write(none)).not.toContain('Reported by the run')
})

test('names the models that judged, and says that the teacher did only where that is true', () => {
  const other = { name: 'Other', fingerprint: '00000000000000bb', quantisation: 'F32', licence: 'mit' }
  const write = (judges?: Dataset['judges']): string =>
    writeDataCard({ title: 'x', dataset: { ...dataset, ...(judges ? { judges } : {}) } })
  for (const self of [write(), write([teacher])]) {
    expect(self).toContain('It also judged the completions.')
    expect(self).toContain('The judge is the model that generated the texts.')
    expect(self).not.toContain('Judged by **')
  }
  const own = write([other])
  expect(own).toContain('Judged by **Other** (`F32`; header fingerprint `00000000000000bb`; licence mit).')
  expect(own).toContain('The judge is another model than the one that generated the texts.')
  expect(own).not.toContain('It also judged')
  const both = write([teacher, other])
  for (const part of [
    'It also judged the completions.',
    'Some were judged by **Other**',
    '2 models judged, whose scores are not comparable; one of them generated the texts',
  ])
    expect(both).toContain(part)
  const none = write([])
  expect(none).toContain('No judge scored the texts.')
  expect(none).not.toContain('It also judged')
})

test('names the model of every other role, without markup that its name may have', () => {
  const models = {
    critic: {
      name: 'Or*igin*al',
      fingerprint: '00000000000000cc',
      quantisation: 'Q4_1',
      origin: 'https://hub.example/x',
    },
    embedder: { name: 'Small', fingerprint: '00000000000000dd', quantisation: 'F32', licence: 'mit' },
  }
  const card = writeDataCard({ title: 'x', dataset: { ...dataset, models } })
  expect(card).toContain(
    'The role *critic* had **Or\\*igin\\*al** (`Q4_1`; header fingerprint `00000000000000cc`; its file names no licence). Its files come from `https://hub.example/x`.',
  )
  expect(card).toContain(
    'The role *embedder* had **Small** (`F32`; header fingerprint `00000000000000dd`; licence mit).',
  )
})

test('names the model of a role as the generator if every step that generates has that role', () => {
  const models = {
    writer: { name: 'Writer', fingerprint: '00000000000000ee', quantisation: 'F32', licence: 'mit' },
  }
  const write = (steps: string): string =>
    writeDataCard({ title: 'x', dataset: { ...dataset, models, recipeText: `retort: 2\nsteps:\n${steps}` } })
  const own = write('  - complete: teacher\n    by: writer\n')
  expect(own).toContain(
    'Generated by **Writer** (`F32`; header fingerprint `00000000000000ee`). Its file names the licence **mit**.',
  )
  expect(own).toContain('the errors and biases of Writer')
  expect(write('  - complete: teacher\n')).toContain(`Generated by **${teacher.name}**`)
})

test('says how conversations, fields and writers are in the files, if there are any', () => {
  const other = { ...teacher, name: 'Large', fingerprint: 'ffff' }
  const plain = makeRow(0)
  const rows = [
    { ...plain, earlier: [{ role: 'user' as const, content: 'Hi?' }], fields: { topic: '=x' } },
    { ...makeRow(1), completion: { ...plain.completion, teacher: other } },
    makeRow(2),
  ]
  const write = (kept: typeof rows): string => {
    const frozen = freezeRows(kept, { heldOut: 0.3 }, 1, dataset.teacher)
    return writeDataCard({ title: 'x', dataset, rows: frozen.ok ? frozen.value : [] })
  }
  const card = write(rows)
  expect(card).toContain('1 row of 3 is a conversation of several turns')
  expect(card).toContain('Fields of the rows: `topic`.')
  expect(card).toContain(`Written by: ${dataset.teacher.name} (2 rows), Large (1 row)`)
  expect(card).toContain('begin with =')
  expect(write([makeRow(0), makeRow(1)])).not.toContain('## Rows')
})
