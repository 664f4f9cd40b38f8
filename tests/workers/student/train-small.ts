// Knows: small students, trained in Node for tests of what follows training.
import type { TrainSettings } from '../../../src/domain/student.ts'
import { pruneTokenizer } from '../../../src/engine/tokenizers/prune-tokenizer.ts'
import {
  renderStudentExample,
  textsOfExample,
} from '../../../src/engine/tokenizers/templates/student-template.ts'
import { tokenizerFromGguf } from '../../../src/engine/tokenizers/tokenizer.ts'
import { writeSoftTargetHeader, writeSoftTargetRow } from '../../../src/engine/training/soft-target-file.ts'
import { train } from '../../../workers/student/train.ts'
import { openTestRuntime } from '../../engine/session.ts'
import { readSharedHeader } from '../../engine/shared-model.ts'
import { IDS, makeMemoryStores, makeRows, SETTINGS, type MemoryStores } from './memory-stores.ts'

async function trainWith(stores: MemoryStores, settings: TrainSettings): Promise<MemoryStores> {
  await train(
    { ...IDS, settings, softTargets: 'a.trace', backend: 'wasm' },
    { signal: new AbortController().signal, emit: () => undefined },
    { stores, openRuntime: openTestRuntime, now: () => performance.now() },
  )
  return stores
}

/** With a vocabulary of its own. */
export const trainSmall = (steps: number): Promise<MemoryStores> =>
  trainWith(makeMemoryStores(makeRows(24, 4)), {
    ...SETTINGS,
    steps,
    evaluateEvery: steps,
    learningRate: 0.008,
    batchSize: 8,
  })

/** With the part of SmolLM2's vocabulary that the rows use, and a teacher that is nearly sure of the text. Needs the shared model. */
export async function trainOnSoftTargets(steps: number): Promise<MemoryStores> {
  const rows = makeRows(24, 4)
  const trainRows = rows.filter(({ split }) => split === 'train')
  const teacher = tokenizerFromGguf((await readSharedHeader()).metadata)
  if (!teacher.ok) throw new Error(teacher.sentence)
  const made = pruneTokenizer(teacher.tokenizer, trainRows.flatMap(textsOfExample))
  if (!made.ok) throw new Error(made.sentence)
  const { tokenizer, tokenizerJson, tokenizerConfig } = made.pruned
  const parts = trainRows.map((row) => {
    const { ids, promptLength } = renderStudentExample(tokenizer, row)
    const completion = ids.slice(promptLength)
    return writeSoftTargetRow({
      topK: 2,
      ids: Uint16Array.from(completion.flatMap((id) => [id, id === 7 ? 8 : 7])),
      probabilities: Float32Array.from(completion.flatMap(() => [0.98, 0.01, 0.01])),
    })
  })
  const header = writeSoftTargetHeader({
    topK: 2,
    temperature: 1,
    tokenizer: { json: JSON.stringify(tokenizerJson), config: JSON.stringify(tokenizerConfig) },
    rows: trainRows.length,
  })
  const { vocabulary: _, labelSmoothing: __, ...common } = SETTINGS
  const stores = Object.assign(makeMemoryStores(rows), {
    softTargets: Uint8Array.from([header, ...parts].flatMap((part) => [...part])),
  })
  return trainWith(stores, {
    ...common,
    loss: 'forward-kl',
    temperature: 1,
    topK: 2,
    textShare: 0,
    steps,
    evaluateEvery: steps,
    learningRate: 0.008,
    batchSize: 8,
  })
}
