// Knows: what makes up a model: one file, or several with their places among one another.
import { sourceFromBlob, type ByteSource } from '../../src/engine/weights/source.ts'

export interface ModelBundle {
  /** Of the file or folder. */
  readonly name: string
  /** By place, such as `onnx/model.onnx`; a model of one file has one, under its name. */
  readonly files: ReadonlyMap<string, ByteSource>
  /** Where on a hub it was had from: the address of its page at the commit, and the licence that the page names. */
  readonly hub?: { readonly origin: string; readonly licence?: string }
}

export const bundleOfOne = (source: ByteSource): ModelBundle => ({
  name: source.name,
  files: new Map([[source.name, source]]),
})

/** Files of one folder, read where they lie. */
export const bundleOfBlobs = (
  name: string,
  files: Iterable<readonly [path: string, file: Blob]>,
): ModelBundle => ({
  name,
  files: new Map(Array.from(files, ([path, file]) => [path, sourceFromBlob(path, file)])),
})
