// Conversations as training rows: which tokens are targets, what is cut, what is refused.
import { describe, expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { tokenizerFromJson } from '../../../src/engine/tokenizers/files/json-tokenizer.ts'
import { trainStudentTokenizer } from '../../../src/engine/tokenizers/templates/student-template.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { makeBatch, packRows, positionsOf } from '../../../src/engine/training/packing.ts'
import { findSides } from '../../../src/pipeline/training/sides.ts'
import { planOf } from '../../../src/pipeline/training/index.ts'
import { fitConversation } from '../../../workers/student/fit-conversation.ts'
import { prepareOnPolicyRows } from '../../../workers/student/prepare-on-policy.ts'
import { preparePairs } from '../../../workers/student/prepare-pairs.ts'
import { prepareProblems } from '../../../workers/student/prepare-problems.ts'
import { prepareRows, splitRows } from '../../../workers/student/prepare-rows.ts'
import { renderAsStudent, renderByTemplate } from '../../../workers/student/rendering.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { computeRowSoftTargets } from '../../../workers/teachers/soft-targets.ts'

const earlier = [
  { role: 'system', content: 'You are a baker.' },
  { role: 'user', content: 'Hi?' },
  { role: 'assistant', content: 'Hello there.' },
  { role: 'user', content: 'Open today?' },
  { role: 'assistant', content: 'Until six.' },
] as const
const talk = { system: 'Be brief.', prompt: 'What is fresh?', earlier, completion: 'Rye bread.' }
const { tokenizerJson, tokenizer } = trainStudentTokenizer(
  [talk.prompt, talk.completion, ...earlier.map(({ content }) => content)],
  320,
)
const withTemplate = (template: string): TextTokenizer =>
  tokenizerFromJson(tokenizerJson, { eos_token: '<|end|>', chat_template: template })
/** Like ChatML. */
const PLAIN =
  "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
/** Writes earlier answers otherwise than new ones. */
const SHOUTED = PLAIN.replace(
  "m['content'] +",
  "(m['content'] | upper if m['role'] == 'assistant' else m['content']) +",
)
/** Refuses two messages of one side in a row. */
const STRICT = `{% for m in messages %}{% if not loop.first and m['role'] == messages[loop.index0 - 1]['role'] %}{{ raise_exception('Roles must alternate.') }}{% endif %}{% endfor %}${PLAIN}`

const targetText = (of: TextTokenizer, ids: readonly number[], mask: Uint8Array | undefined): string =>
  of.decode(ids.filter((_, i) => mask?.[i] === 1))

describe.each([
  ['a student’s own format', renderAsStudent(tokenizer)],
  ['a chat template', renderByTemplate(withTemplate(PLAIN))],
])('a conversation in %s', (_name, rendering) => {
  test('has the last answer alone as its target by default', () => {
    const { ids, promptLength, targets } = rendering.example(talk)
    expect(targets).toBeUndefined()
    expect(tokenizer.decode(ids.slice(promptLength))).toBe('Rye bread.<|end|>')
    expect(tokenizer.decode(ids.slice(0, promptLength))).toBe(
      '<|system|>\nYou are a baker.<|end|>\n<|user|>\nHi?<|end|>\n<|assistant|>\nHello there.<|end|>\n<|user|>\nOpen today?<|end|>\n<|assistant|>\nUntil six.<|end|>\n<|user|>\nWhat is fresh?<|end|>\n<|assistant|>\n',
    )
  })

  test('has exactly the tokens of every answer as targets if all count', () => {
    const last = rendering.example(talk)
    const { ids, promptLength, targets, unmarked } = rendering.example(talk, 'all')
    expect(ids).toEqual(last.ids)
    expect(promptLength).toBe(last.promptLength)
    expect(unmarked).toBeUndefined()
    expect(targets).toHaveLength(ids.length)
    expect(targetText(tokenizer, ids, targets)).toBe('Hello there.<|end|>Until six.<|end|>Rye bread.<|end|>')
    // Token by token: a token is a target if and only if it is between an assistant's header and the line break behind its end token.
    let inAnswer = false
    const [assistant, end] = [tokenizer.idOf('<|assistant|>'), tokenizer.idOf('<|end|>')]
    const lineBreak = tokenizer.encode('\n')
    ids.forEach((id, i) => {
      if (ids[i - 1 - lineBreak.length] === assistant) inAnswer = true
      expect(targets?.[i], `${i}: ${tokenizer.decode([id])}`).toBe(inAnswer ? 1 : 0)
      if (id === end) inAnswer = false
    })
  })

  test('is the same for both if it has no earlier answer', () => {
    const { earlier: _, ...single } = talk
    expect(rendering.example(single, 'all')).toEqual(rendering.example(single))
    const ruled = { ...single, earlier: earlier.slice(0, 1) }
    expect(rendering.example(ruled, 'all')).toEqual(rendering.example(ruled))
  })
})

test('an earlier answer that the template writes otherwise is no target, and is counted', () => {
  const shouted = withTemplate(SHOUTED)
  const { ids, targets, unmarked } = renderByTemplate(shouted).example(talk, 'all')
  expect(unmarked).toBe(2)
  expect(targetText(shouted, ids, targets)).toBe('Rye bread.<|end|>')
})

test('targets become the predictions of a batch, as far as they fit the context', () => {
  const { ids, promptLength, targets } = renderAsStudent(tokenizer).example(talk, 'all')
  const row = { prompt: ids.slice(0, promptLength), completion: ids.slice(promptLength), targets: targets! }
  const pick = (context: number): string => {
    const [packed] = packRows([row], context).rows
    if (!packed) return ''
    const batch = makeBatch([[packed]], 1, positionsOf(packed))
    return tokenizer.decode([...batch.targets.subarray(0, batch.counted)])
  }
  expect(pick(1000)).toBe('Hello there.<|end|>Until six.<|end|>Rye bread.<|end|>')
  expect(pick(ids.length - 2)).toBe('Hello there.<|end|>Until six.<|end|>Rye bread.')
  const second = targets!.indexOf(1) + tokenizer.encode('Hello there.').length + 1
  expect(pick(second - 1)).toBe('Hello there.<|end|>')
  expect(packRows([row], targets!.indexOf(1) - 1)).toMatchObject({ rows: [], skipped: 1 })
})

test('a conversation that is too long loses as few of its first turns as needed, never its system message', () => {
  const long = {
    earlier: [
      { role: 'system', content: 's' },
      ...Array.from({ length: 50 }, (_, i) => [
        { role: 'user', content: `q${i}` },
        { role: 'assistant', content: `a${i}` },
      ]).flat(),
    ],
  }
  for (const room of [3, 4, 20, 99, 100]) {
    const { earlier: left } = fitConversation(long, (row) => row.earlier.length <= room)
    expect(left).toHaveLength(room % 2 === 1 ? room : room - 1)
    expect(left[0]?.content).toBe('s')
    expect(left[1]?.role).toBe('user')
    expect(left.at(-1)?.content).toBe('a49')
  }
  expect(fitConversation(long, (row) => row.earlier.length <= 101)).toBe(long)
  expect(fitConversation(long, () => false).earlier).toEqual([{ role: 'system', content: 's' }])
})

const datasetRow = (i: number, more: Partial<DatasetRow> = {}): DatasetRow =>
  ({
    rowId: `row${i}`,
    seedId: `seed${i}`,
    split: i % 4 === 3 ? 'held-out' : 'train',
    system: '',
    prompt: talk.prompt,
    earlier,
    completion: talk.completion,
    editedByHand: false,
    ...more,
  }) as DatasetRow
const rows = Array.from({ length: 8 }, (_, i) => datasetRow(i))
const whole = renderAsStudent(tokenizer).example({ ...talk, system: '' }).ids.length - 1
const { signal } = new AbortController()

test('rows of conversations are cut to the context by whole turns, which is reported', async () => {
  const roomy = await prepareRows(splitRows(rows), tokenizer, { context: whole }, signal)
  expect(roomy.notes).toBeUndefined()
  expect(roomy.train.map(positionsOf)).toEqual(Array.from({ length: 6 }, () => whole))
  const tight = await prepareRows(splitRows(rows), tokenizer, { context: whole - 1 }, signal)
  expect(tight.notes).toEqual([
    `8 conversations did not fit a context of ${whole - 1} tokens and lost their first turns.`,
  ])
  expect(tight.truncatedRows + tight.skippedRows).toBe(0)
  const [row] = tight.train
  expect(tokenizer.decode([...row!.tokens])).toBe(
    '<|system|>\nYou are a baker.<|end|>\n<|user|>\nOpen today?<|end|>\n<|assistant|>\nUntil six.<|end|>\n<|user|>\nWhat is fresh?<|end|>\n<|assistant|>\nRye bread.<|end|>',
  )
})

test('a conversation that the chat template refuses is left out and reported, and the others are trained on', async () => {
  const odd = datasetRow(0, { earlier: [{ role: 'user', content: 'Hi?' }] })
  const strict = withTemplate(STRICT)
  const prepared = await prepareRows(
    splitRows([odd, ...rows.slice(1)]),
    strict,
    { context: 256 },
    signal,
    renderByTemplate(strict),
  )
  expect(prepared.train).toHaveLength(5)
  expect(prepared.sources).toEqual([1, 2, 3, 4, 5])
  expect(prepared.notes).toEqual([
    expect.stringMatching(/^The chat template refuses 1 conversation, which was left out: .*alternate/),
  ])
  // Nor does it end the computing of soft targets.
  const requested: string[] = []
  const targets = await computeRowSoftTargets(
    {
      tokenizer: strict,
      computeSoftTargets: async (requests, _options, { onResult }) => {
        for (const { id, prompt } of requests) {
          requested.push(strict.decode(prompt))
          onResult({ id, indices: new Uint16Array([0]), probabilities: new Float32Array([1, 0]) })
        }
      },
    },
    [odd, rows[1]!],
    { studentIds: new Uint16Array([7]) } as unknown as Parameters<typeof computeRowSoftTargets>[2],
    { topK: 1, temperature: 1, allowedIds: new Int32Array([0]), hidden: false },
    signal,
  )
  expect(targets.map(({ ids }) => [...ids])).toEqual([[], [7]])
  expect(requested).toEqual([expect.stringContaining('<|user|>\nOpen today?<|end|>')])
})

test('pairs, problems and on-policy prompts have the conversation as their context', async () => {
  const context = 256
  const before = renderAsStudent(tokenizer).prompt([...earlier, { role: 'user', content: talk.prompt }])
  const pairs = await preparePairs(
    splitRows(rows.map((row) => ({ ...row, rejected: { completion: 'No.' } }))),
    tokenizer,
    context,
    signal,
  )
  for (const { chosen, rejected } of pairs.byRow.values())
    for (const row of [chosen, rejected]) expect([...row.tokens.subarray(0, row.from + 1)]).toEqual(before)
  const sums = rows.map((row) => ({ ...row, completion: 'Answer: 7' }))
  const problems = await prepareProblems(splitRows(sums), new Map(), tokenizer, context, signal)
  for (const { prompt } of problems.byRow.values()) expect(prompt).toEqual(before)
  const prompts = await prepareOnPolicyRows(splitRows(rows), tokenizer, { context }, signal)
  for (const { tokens, earlier: sent } of prompts.byRow.values()) {
    expect(tokens).toEqual(before)
    expect(sent).toEqual(earlier)
  }
  // The teacher reads the turns that the student reads.
  const cut = await prepareOnPolicyRows(splitRows(rows), tokenizer, { context: whole - 1 }, signal)
  for (const { earlier: sent } of cut.byRow.values()) expect(sent).toEqual([earlier[0], ...earlier.slice(3)])
})

test('both completions of a pair keep the same turns', async () => {
  const long = 'Spelt bread, white bread and rolls.'
  const pairs = await preparePairs(
    splitRows(rows.map((row) => ({ ...row, rejected: { completion: long } }))),
    tokenizer,
    whole,
    signal,
  )
  expect(pairs.notes).toEqual([expect.stringMatching(/^8 conversations did not fit/)])
  for (const { chosen, rejected } of pairs.byRow.values())
    expect([...chosen.tokens.subarray(0, chosen.from + 1)]).toEqual([
      ...rejected.tokens.subarray(0, rejected.from + 1),
    ])
})

test('the good and the bad side keep their conversations', () => {
  const { bad } = findSides([{ ...rows[0]!, rejected: { completion: 'No.' } }], [])
  expect(bad).toEqual([expect.objectContaining({ earlier, completion: 'No.' })])
})

test('the setting decides, and is the last answer in students of earlier versions', () => {
  const { assistantTurns: _, ...settings } = SMALL_TRAINING
  expect(planOf(settings).assistantTurns).toBe('last')
  expect(planOf({ ...settings, assistantTurns: 'all' }).assistantTurns).toBe('all')
  expect(planOf({ ...settings, loss: 'lora', assistantTurns: 'all' }).assistantTurns).toBe('all')
})
