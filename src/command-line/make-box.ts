// Knows: `npm run box`: trains the teacher in the box on this machine's processor, measures it, and writes its files into public/teacher.
// Training goes on where an earlier run was stopped.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { writeStudentGguf } from '../engine/exports/student-files.ts'
import { openNativeRuntime } from '../engine/runtime/native.ts'
import { finalWeights } from '../engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../engine/training/student-tensors.ts'
import { sourceFromBytes } from '../engine/weights/source.ts'
import type { BoxCard } from '../pipeline/box-card.ts'
import { nameOfWorld } from '../pipeline/corner-shop/documents/index.ts'
import { openGguf } from '../../workers/teachers/gguf.ts'
import { loadNative } from './load-native.ts'
import { measureBox } from './measure-box.ts'
import { trainBox, type TrainBoxOptions } from './train-box.ts'

/** Where the checkpoint lies between runs; git does not see it. */
const WORK = '.box'
const CHECKPOINT = join(WORK, 'checkpoint.bin')

/** What the page serves. */
const SHELF = join('public', 'teacher')
const FILE = 'corner-shop.gguf'
const NAME = 'Corner shop'
const LICENCE = 'apache-2.0'
const MEASURED = { problems: 200, replies: 300, verdicts: 200, pairs: 200, requests: 40 }

/** The training that the box in public/teacher was made with. */
const PLAN = {
  phases: [
    { steps: 2400, learningRate: 0.005 },
    // Writing is learned long before judging is: the second part is mostly judging.
    { steps: 2000, learningRate: 0.004, mix: { judge: 30, compare: 20, solve: 20, answer: 20 } },
  ],
  optimizer: 'muon',
  rngSeed: 1,
} satisfies Pick<TrainBoxOptions, 'phases' | 'optimizer' | 'rngSeed'>

export async function makeBox(): Promise<void> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`)
  const runtime = openNativeRuntime(loadNative(), cpus().length)
  await mkdir(WORK, { recursive: true })
  const trained = await trainBox(runtime, {
    ...PLAN,
    tell,
    load: () =>
      readFile(CHECKPOINT).then(
        (bytes) => new Uint8Array(bytes),
        () => undefined,
      ),
    save: async (bytes) => {
      await writeFile(`${CHECKPOINT}.new`, bytes)
      await rename(`${CHECKPOINT}.new`, CHECKPOINT)
    },
  })
  const { shape, state, files } = trained
  const tensors = toHuggingFaceTensors(shape, finalWeights({ state }))
  const { bytes: gguf } = writeStudentGguf(
    { shape, tensors, tokenizerJson: files.tokenizerJson, name: NAME },
    { precision: 'F16', licence: LICENCE },
  )
  const { signal } = new AbortController()
  const teacher = await openGguf(sourceFromBytes(FILE, gguf), {
    backend: 'wasm',
    runtime,
    contextLength: shape.context,
    signal,
    onProgress: () => {},
  })
  const measures = await measureBox(teacher, MEASURED, tell)
  const card: BoxCard = {
    file: FILE,
    name: NAME,
    world: nameOfWorld(),
    sha256: createHash('sha256').update(gguf).digest('hex'),
    bytes: gguf.length,
    fingerprint: teacher.description.card.fingerprint,
    parameters: teacher.description.card.parameters,
    licence: LICENCE,
    made: {
      steps: state.step,
      tokens: trained.tokens,
      heldOutLoss: trained.losses.at(-1)?.heldOut ?? Number.NaN,
    },
    measures,
  }
  await teacher.release()
  await mkdir(SHELF, { recursive: true })
  await writeFile(join(SHELF, FILE), gguf)
  await writeFile(join(SHELF, 'card.json'), `${JSON.stringify(card, undefined, 1)}\n`)
}
