// Knows: `npm run built-in-teacher`: trains the built-in teacher on this machine's processor, measures it, and writes its files into
// public/teacher. A stopped training resumes from its last checkpoint.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { writeStudentGguf } from '../engine/exports/student-files.ts'
import { openNativeRuntime } from '../engine/runtime/native.ts'
import { finalWeights } from '../engine/training/checkpoint.ts'
import { toHuggingFaceTensors } from '../engine/training/student-tensors.ts'
import { sourceFromBytes } from '../engine/weights/source.ts'
import type { BuiltInTeacherCard } from '../pipeline/built-in-teacher-card.ts'
import { nameOfWorld } from '../pipeline/corner-shop/documents/index.ts'
import { openGguf } from '../../workers/teachers/gguf.ts'
import { loadNative } from './load-native.ts'
import { measureBuiltInTeacher } from './measure-built-in-teacher.ts'
import { trainBuiltInTeacher, type BuiltInTrainingOptions } from './train-built-in-teacher.ts'

/** Folder of the checkpoint; git ignores it. */
const WORK_FOLDER = '.built-in-teacher'
const CHECKPOINT = join(WORK_FOLDER, 'checkpoint.bin')

/** Folder that the page serves. */
const OUTPUT_FOLDER = join('public', 'teacher')
const FILE = 'corner-shop.gguf'
const NAME = 'Corner shop'
const LICENCE = 'apache-2.0'
const MEASURED = { problems: 200, replies: 300, verdicts: 200, pairs: 200, requests: 40 }

/** The training of the built-in teacher in public/teacher. */
const PLAN = {
  phases: [
    { steps: 2400, learningRate: 0.005 },
    // Generating is learned long before judging: the second phase is mostly judging.
    { steps: 2000, learningRate: 0.004, mix: { judge: 30, compare: 20, solve: 20, answer: 20 } },
  ],
  optimizer: 'muon',
  rngSeed: 1,
} satisfies Pick<BuiltInTrainingOptions, 'phases' | 'optimizer' | 'rngSeed'>

export async function makeBuiltInTeacher(): Promise<void> {
  const report = (line: string): void => void process.stdout.write(`${line}\n`)
  const runtime = openNativeRuntime(loadNative(), cpus().length)
  await mkdir(WORK_FOLDER, { recursive: true })
  const trained = await trainBuiltInTeacher(runtime, {
    ...PLAN,
    report,
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
  const measures = await measureBuiltInTeacher(teacher, MEASURED, report)
  const card: BuiltInTeacherCard = {
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
  await mkdir(OUTPUT_FOLDER, { recursive: true })
  await writeFile(join(OUTPUT_FOLDER, FILE), gguf)
  await writeFile(join(OUTPUT_FOLDER, 'card.json'), `${JSON.stringify(card, undefined, 1)}\n`)
}
