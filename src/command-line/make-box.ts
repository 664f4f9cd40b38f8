// Knows: `npm run box`: trains the teacher in the box on this machine's processor, measures it, and writes its files into public/teacher.
// Training goes on where an earlier run was stopped.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { OrtModule } from '../engine/runtime/load-ort.ts'
import { openNativeRuntime } from '../engine/runtime/native.ts'
import { trainBox } from './train-box.ts'

/** Where the checkpoint lies between runs; git does not see it. */
const WORK = '.box'
const CHECKPOINT = join(WORK, 'checkpoint.bin')

/** The training that the box in public/teacher was made with. */
const PLAN = { steps: 2400, learningRate: 0.005, optimizer: 'muon', rngSeed: 1 } as const

/** The package is large and serves this command alone, so it is no dependency of the page. */
function loadNative(): OrtModule {
  const missing = 'This command needs the package onnxruntime-node. Install it with `npm install --no-save onnxruntime-node` and try again.'
  let native: unknown
  try {
    native = createRequire(join(process.cwd(), 'package.json'))('onnxruntime-node')
  } catch (thrown) {
    throw new Error(missing, { cause: thrown })
  }
  if (!isNative(native)) throw new Error(missing)
  return native
}

const isNative = (value: unknown): value is OrtModule => typeof value === 'object' && value !== null && 'InferenceSession' in value && 'Tensor' in value

export async function makeBox(): Promise<void> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`)
  const runtime = openNativeRuntime(loadNative(), cpus().length)
  await mkdir(WORK, { recursive: true })
  const trained = await trainBox(runtime, {
    ...PLAN,
    tell,
    load: () => readFile(CHECKPOINT).then((bytes) => new Uint8Array(bytes), () => undefined),
    save: async (bytes) => {
      await writeFile(`${CHECKPOINT}.new`, bytes)
      await rename(`${CHECKPOINT}.new`, CHECKPOINT)
    },
  })
  tell(`${trained.tokens} tokens`)
}
