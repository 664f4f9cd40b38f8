// Knows: a folder of ONNX files (config.json, tokenizer.json, onnx/model*.onnx and their data) as a form of model files.
import { inspectOnnx, openOnnx } from '../onnx.ts'
import type { FormReader } from './form.ts'

export const onnx: FormReader = {
  form: 'onnx',
  recognises: ({ files }) => [...files.keys()].some((path) => /\.onnx$/i.test(path)),
  inspect: inspectOnnx,
  open: openOnnx,
}
