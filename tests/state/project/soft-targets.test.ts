import { describe, expect, test } from 'vitest'
import type { DatasetId, ProjectId } from '../../../src/domain/id.ts'
import type { ModelCard } from '../../../src/domain/model-card.ts'
import type { TrainSettings } from '../../../src/domain/student.ts'
import type { StoredSoftTargets } from '../../../src/domain/soft-targets.ts'
import { SoftTargets } from '../../../src/state/project/soft-targets.svelte.ts'
import { SMALL_TRAINING } from '../../stand-ins/sample-project.ts'
import { makeEnvironment } from '../make-environment.ts'

const datasetId = 'abcdef0123456789abcd' as DatasetId
const wanted = { topK: 16, temperature: 1, preset: 'micro' } as const
const makeStored = (
  name: string,
  fingerprint: string,
  more: Partial<StoredSoftTargets> = {},
): StoredSoftTargets => {
  const { topK = 16, temperature = 1 } = more
  return {
    file: `${datasetId.slice(0, 16)}-${fingerprint}-${topK}-${temperature}.trace`,
    name,
    fingerprint,
    topK,
    temperature,
    vocabulary: '1',
    bytes: 100,
    savedAt: 1,
    ...more,
  }
}
const ann = makeStored('Ann', 'a'.repeat(16))
const bob = makeStored('Bob', 'b'.repeat(16))
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
const settings: TrainSettings = { ...common, ...wanted, loss: 'forward-kl', textShare: 0 }

async function open(list: readonly StoredSoftTargets[]): Promise<SoftTargets> {
  const softTargets = new SoftTargets(
    await makeEnvironment({ student: { listSoftTargets: async () => list } }),
    '0123456789abcdef' as ProjectId,
  )
  await softTargets.refresh(datasetId)
  return softTargets
}

describe('SoftTargets.offer', () => {
  test('gives the loaded teacher weight 1 and all others 0, stored or not', async () => {
    const softTargets = await open([ann, bob])
    expect(
      softTargets
        .offer(wanted, card('Bob', bob.fingerprint))
        .map(({ name, weight, isLoaded }) => [name, weight, isLoaded]),
    ).toEqual([
      ['Bob', 1, true],
      ['Ann', 0, false],
    ])
    expect(
      softTargets
        .offer(wanted, card('New', 'c'.repeat(16)))
        .map(({ name, weight, stored }) => [name, weight, stored !== undefined]),
    ).toEqual([
      ['New', 1, false],
      ['Ann', 0, true],
      ['Bob', 0, true],
    ])
    expect(softTargets.offer(wanted, undefined).map(({ weight }) => weight)).toEqual([0, 0])
  })

  test('does not take the soft targets of another chat format for those of the loaded teacher', async () => {
    const softTargets = await open([bob])
    const [first, second] = softTargets.offer(wanted, card('Bob', bob.fingerprint), 'zephyr')
    expect([first?.stored, first?.weight, second?.stored, second?.weight]).toEqual([undefined, 1, bob, 0])
    const zephyr = makeStored('Bob', bob.fingerprint, {
      chatFormat: 'zephyr',
      file: bob.file.replace('.trace', '-zephyr.trace'),
    })
    const both = await open([bob, zephyr])
    expect(both.offer(wanted, card('Bob', bob.fingerprint), 'zephyr')[0]).toMatchObject({
      stored: zephyr,
      name: 'Bob, with the chat template of Zephyr',
      key: first?.key,
    })
    expect(both.offer(wanted, card('Bob', bob.fingerprint))[0]?.stored).toBe(bob)
  })

  test('keeps a model’s weight once its soft targets are stored', async () => {
    const softTargets = await open([ann])
    const [loaded] = softTargets.offer(wanted, card('Bob', bob.fingerprint))
    softTargets.setWeight(loaded?.key ?? '', 5)
    const later = await open([ann, bob])
    expect(later.offer(wanted, card('Bob', bob.fingerprint))[0]?.key).toBe(loaded?.key)
    expect(softTargets.sharesFor(settings, card('Bob', bob.fingerprint))).toEqual([
      { name: 'Bob', fingerprint: bob.fingerprint, weight: 5 },
      { name: 'Ann', fingerprint: ann.fingerprint, weight: 0, softTargets: ann.file },
    ])
  })

  test('excludes other settings and other vocabularies, with a sentence', async () => {
    const warm = makeStored('Warm', 'd'.repeat(16), { temperature: 2 })
    const strange = makeStored('Strange', 'e'.repeat(16), { vocabulary: '2' })
    const softTargets = await open([ann, warm, strange])
    for (const { key } of softTargets.offer(wanted, undefined)) softTargets.setWeight(key, 1)
    expect(
      softTargets.offer(wanted, undefined).map(({ name, weight, unfit }) => [name, weight, unfit]),
    ).toEqual([
      ['Ann', 1, undefined],
      [
        'Warm',
        0,
        'Its soft targets have the top 16 tokens at temperature 2; the settings below require 16 at 1.',
      ],
      ['Strange', 0, 'Its vocabulary differs from Ann’s, and a student can learn from only one vocabulary.'],
    ])
  })

  test('requires stored hidden states of the student’s width, and shows the bytes of those still to be computed', async () => {
    const states = makeStored('Ann', ann.fingerprint, {
      hiddenWidth: 96,
      file: ann.file.replace('.trace', '-hidden.trace'),
    })
    const wide = makeStored('Wide', 'd'.repeat(16), { hiddenWidth: 576 })
    const softTargets = await open([ann, states, wide])
    const withHidden = { ...wanted, hidden: true }
    expect(
      softTargets
        .offer(withHidden, card('Ann', ann.fingerprint))
        .map(({ name, weight, isLoaded, stored, unfit }) => [
          name,
          weight,
          isLoaded,
          stored?.hiddenWidth,
          unfit,
        ]),
    ).toEqual([
      ['Ann', 1, true, 96, undefined],
      ['Ann', 0, false, undefined, 'Its hidden states are not stored. Load it to compute them.'],
      [
        'Wide',
        0,
        false,
        576,
        expect.stringMatching(
          /^The hidden states of Wide have width 576, but those of a student of size “micro” have width 96; .*Choose the model size “huge”/,
        ),
      ],
    ])
    expect(softTargets.offer(wanted, card('Ann', ann.fingerprint))[0]?.stored).toBe(ann)
    expect(softTargets.offer(withHidden, card('New', 'c'.repeat(16)))[0]).toMatchObject({
      name: 'New',
      hiddenBytes: 192,
      weight: 1,
    })
    // It keeps its weight: training then reports the refusal.
    expect(
      softTargets.offer({ ...withHidden, preset: 'huge' }, card('New', 'c'.repeat(16)))[0],
    ).toMatchObject({
      weight: 1,
      unfit: expect.stringMatching(/have width 96, but those of a student of size “huge” have width 576/),
    })
  })

  test('returns no shares if nothing is offered or the loss needs no teacher', async () => {
    const softTargets = await open([])
    expect(softTargets.sharesFor(settings, undefined)).toBeUndefined()
    expect((await open([ann])).sharesFor(SMALL_TRAINING_TEXT, card('Ann', ann.fingerprint))).toBeUndefined()
  })
})
const SMALL_TRAINING_TEXT = { ...SMALL_TRAINING }

test('a list that arrives late does not replace that of another dataset', async () => {
  const responses: ((list: readonly StoredSoftTargets[]) => void)[] = []
  const softTargets = new SoftTargets(
    await makeEnvironment({
      student: { listSoftTargets: () => new Promise((resolve) => responses.push(resolve)) },
    }),
    '0123456789abcdef' as ProjectId,
  )
  const [first, second] = [softTargets.refresh(datasetId), softTargets.refresh('b'.repeat(20) as DatasetId)]
  responses[1]?.([bob])
  await second
  responses[0]?.([ann])
  await first
  expect(softTargets.list).toEqual([bob])
})
