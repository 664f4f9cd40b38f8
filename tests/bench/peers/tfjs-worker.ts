// Knows: that TensorFlow.js trains in this worker, and the addresses of its wasm.
import plain from './node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simd from './node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threaded from './node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import { openTfjs } from './tfjs-model.mjs'
import { serveTrainee } from './trainee.ts'

const at = (path: string): string => new URL(path, location.href).href
const folder = {
  'tfjs-backend-wasm.wasm': at(plain),
  'tfjs-backend-wasm-simd.wasm': at(simd),
  'tfjs-backend-wasm-threaded-simd.wasm': at(threaded),
}
serveTrainee((job, arranged) => openTfjs(job, folder, arranged))
