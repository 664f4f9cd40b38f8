// Knows: the files of a model: one, or several with their paths.
import { sourceFromBlob, type ByteSource } from '../../src/engine/weights/source.ts'

export interface ModelBundle {
  /** The name of the file or folder. */
  readonly name: string
  /** By path, such as `onnx/model.onnx`; a model of one file has one entry, under the file's name. */
  readonly files: ReadonlyMap<string, ByteSource>
  /** Its origin on a hub: the address of its page at the commit, and the licence that the page names. */
  readonly hub?: { readonly origin: string; readonly licence?: string }
}

export const bundleOfOne = (source: ByteSource): ModelBundle => ({
  name: source.name,
  files: new Map([[source.name, source]]),
})

/** Files of one folder, read in place. */
export const bundleOfBlobs = (
  name: string,
  files: Iterable<readonly [path: string, file: Blob]>,
): ModelBundle => ({
  name,
  files: new Map(Array.from(files, ([path, file]) => [path, sourceFromBlob(path, file)])),
})
