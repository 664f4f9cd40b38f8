// Knows: how onnxruntime-node is loaded, for commands that run the same graphs natively on the processor.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { OrtModule } from '../engine/runtime/load-ort.ts'

/** The package is large and only commands use it, so it is no dependency of the page. Throws an error with a remedy if it is not installed. */
export function loadNative(): OrtModule {
  const missing =
    'This command needs the package onnxruntime-node. Install it with `npm install --no-save onnxruntime-node` and try again.'
  let native: unknown
  try {
    native = createRequire(join(process.cwd(), 'package.json'))('onnxruntime-node')
  } catch (thrown) {
    throw new Error(missing, { cause: thrown })
  }
  if (!isNative(native)) throw new Error(missing)
  return native
}

const isNative = (value: unknown): value is OrtModule =>
  typeof value === 'object' && value !== null && 'InferenceSession' in value && 'Tensor' in value
