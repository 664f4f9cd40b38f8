import { describe, expect, test } from 'vitest'
import type { DatasetId, ProjectId } from '../../src/domain/id.ts'
import type { ModelCard } from '../../src/domain/model.ts'
import type { DivergenceTrainSettings } from '../../src/domain/student.ts'
import type { StoredTrace } from '../../src/domain/trace.ts'
import { Traces } from '../../src/state/traces.svelte.ts'
import { SMALL_TRAINING } from '../stand-ins/sample-project.ts'
import { makeAround } from './make-around.ts'

const datasetId = 'abcdef0123456789abcd' as DatasetId
const wanted = { choices: 16, temperature: 1, preset: 'micro' } as const
const makeTrace = (name: string, fingerprint: string, more: Partial<StoredTrace> = {}): StoredTrace => {
  const { choices = 16, temperature = 1 } = more
  return {
    file: `${datasetId.slice(0, 16)}-${fingerprint}-${choices}-${temperature}.trace`,
    name,
    fingerprint,
    choices,
    temperature,
    vocabulary: '1',
    bytes: 100,
    savedAt: 1,
    ...more,
  }
}
const ann = makeTrace('Ann', 'a'.repeat(16))
const bob = makeTrace('Bob', 'b'.repeat(16))
const card = (name: string, fingerprint: string): ModelCard => ({
  name,
  form: 'gguf',
  fileName: 'a.gguf',
  fileBytes: 1,
  architecture: 'llama',
  parameters: 1,
  quantisation: 'F32',
  tensorTypes: {},
  contextLength: 1,
  vocabularySize: 1,
  layers: 1,
  width: 96,
  memoryBytes: { wasm: 1, webgpu: 1 },
  fingerprint,
  hasChatTemplate: true,
})
const { vocabulary: _, labelSmoothing: __, ...common } = SMALL_TRAINING
const settings: DivergenceTrainSettings = { ...common, ...wanted, loss: 'forward-kl', textShare: 0 }

async function open(list: readonly StoredTrace[]): Promise<Traces> {
  const traces = new Traces(
    await makeAround({ student: { listTraces: async () => list } }),
    '0123456789abcdef' as ProjectId,
  )
  await traces.refresh(datasetId)
  return traces
}

describe('the teachers that are offered', () => {
  test('the loaded one has weight 1 and all others 0, asked already or not', async () => {
    const traces = await open([ann, bob])
    expect(
      traces
        .offer(wanted, card('Bob', bob.fingerprint))
        .map(({ name, weight, isLoaded }) => [name, weight, isLoaded]),
    ).toEqual([
      ['Bob', 1, true],
      ['Ann', 0, false],
    ])
    expect(
      traces
        .offer(wanted, card('New', 'c'.repeat(16)))
        .map(({ name, weight, stored }) => [name, weight, stored !== undefined]),
    ).toEqual([
      ['New', 1, false],
      ['Ann', 0, true],
      ['Bob', 0, true],
    ])
    expect(traces.offer(wanted, undefined).map(({ weight }) => weight)).toEqual([0, 0])
  })

  test('a weight stays that of the model when it has been asked', async () => {
    const traces = await open([ann])
    const [asked] = traces.offer(wanted, card('Bob', bob.fingerprint))
    traces.weigh(asked?.key ?? '', 5)
    const later = await open([ann, bob])
    expect(later.offer(wanted, card('Bob', bob.fingerprint))[0]?.key).toBe(asked?.key)
    expect(traces.shareOut(settings, card('Bob', bob.fingerprint))).toEqual([
      { name: 'Bob', fingerprint: bob.fingerprint, weight: 5 },
      { name: 'Ann', fingerprint: ann.fingerprint, weight: 0, trace: ann.file },
    ])
  })

  test('those asked otherwise and those of another vocabulary are told and left out', async () => {
    const warm = makeTrace('Warm', 'd'.repeat(16), { temperature: 2 })
    const strange = makeTrace('Strange', 'e'.repeat(16), { vocabulary: '2' })
    const traces = await open([ann, warm, strange])
    for (const { key } of traces.offer(wanted, undefined)) traces.weigh(key, 1)
    expect(traces.offer(wanted, undefined).map(({ name, weight, unfit }) => [name, weight, unfit])).toEqual([
      ['Ann', 1, undefined],
      ['Warm', 0, 'It was asked for 16 tokens at temperature 2, and the settings below say 16 at 1.'],
      ['Strange', 0, 'Its vocabulary is another than that of Ann, and a student can share only one.'],
    ])
  })

  test('where hidden states count, must have stored them at the student’s width; the loaded one is asked for them, and told what they take', async () => {
    const states = makeTrace('Ann', ann.fingerprint, {
      hiddenWidth: 96,
      file: ann.file.replace('.trace', '-hidden.trace'),
    })
    const wide = makeTrace('Wide', 'd'.repeat(16), { hiddenWidth: 576 })
    const traces = await open([ann, states, wide])
    const asking = { ...wanted, hiddenShare: 1 }
    expect(
      traces
        .offer(asking, card('Ann', ann.fingerprint))
        .map(({ name, weight, isLoaded, stored, unfit }) => [
          name,
          weight,
          isLoaded,
          stored?.hiddenWidth,
          unfit,
        ]),
    ).toEqual([
      ['Ann', 1, true, 96, undefined],
      [
        'Ann',
        0,
        false,
        undefined,
        'Its hidden states are not stored with this. Loaded, it is asked for them.',
      ],
      [
        'Wide',
        0,
        false,
        576,
        expect.stringMatching(
          /^The hidden states of Wide are 576 wide and those of a student of size “micro” 96; .*Choose the size “huge”/,
        ),
      ],
    ])
    expect(traces.offer(wanted, card('Ann', ann.fingerprint))[0]?.stored).toBe(ann)
    expect(traces.offer(asking, card('New', 'c'.repeat(16)))[0]).toMatchObject({
      name: 'New',
      hiddenBytes: 192,
      weight: 1,
    })
    // It keeps its weight: who trains all the same is told by the action.
    expect(traces.offer({ ...asking, preset: 'huge' }, card('New', 'c'.repeat(16)))[0]).toMatchObject({
      weight: 1,
      unfit: expect.stringMatching(/96 wide and those of a student of size “huge” 576/),
    })
  })

  test('nothing is given out where nothing is offered or a loss needs no teacher', async () => {
    const traces = await open([])
    expect(traces.shareOut(settings, undefined)).toBeUndefined()
    expect((await open([ann])).shareOut(SMALL_TRAINING_TEXT, card('Ann', ann.fingerprint))).toBeUndefined()
  })
})
const SMALL_TRAINING_TEXT = { ...SMALL_TRAINING }

test('a list that comes late is not that of another dataset', async () => {
  const answers: ((list: readonly StoredTrace[]) => void)[] = []
  const traces = new Traces(
    await makeAround({ student: { listTraces: () => new Promise((resolve) => answers.push(resolve)) } }),
    '0123456789abcdef' as ProjectId,
  )
  const [first, second] = [traces.refresh(datasetId), traces.refresh('b'.repeat(20) as DatasetId)]
  answers[1]?.([bob])
  await second
  answers[0]?.([ann])
  await first
  expect(traces.list).toEqual([bob])
})
