// Knows: what makes up a model: one file, or several with their places among one another.
import type { ByteSource } from '../../src/engine/weights/source.ts'

export interface ModelBundle {
  /** Of the file or folder. */
  readonly name: string
  /** By place, such as `onnx/model.onnx`; a model of one file has one, under its name. */
  readonly files: ReadonlyMap<string, ByteSource>
}

export const bundleOfOne = (source: ByteSource): ModelBundle => ({ name: source.name, files: new Map([[source.name, source]]) })
