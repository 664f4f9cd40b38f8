// Knows: the folders of tiny models from other exporters (oracles/onnx-folders.py), and what their own runtimes
// compute.
import { unzipSync } from 'fflate'
import { readFileSync } from 'node:fs'
import { describeForeignDecoder, type ForeignDecoder } from '../../src/engine/weights/onnx/onnx-decoder.ts'
import { readOnnxHeader, type OnnxHeader } from '../../src/engine/weights/onnx/onnx-header.ts'
import { sourceFromBytes, type ByteSource } from '../../src/engine/weights/source.ts'

export type FolderName = 'llama' | 'gpt2' | 'qwen2' | 'grouped'

/** For one text: its tokens, the logits after the last of them, and the greedy completion without an end token. */
export interface ExpectedRow {
  readonly text: string
  readonly ids: readonly number[]
  readonly logits: readonly number[]
  readonly written: readonly number[]
}

export interface TestFolder {
  readonly files: ReadonlyMap<string, ByteSource>
  /** By the graph's name without `.onnx`. */
  readonly expected: Readonly<Record<string, readonly ExpectedRow[]>>
}

export function openFolder(name: FolderName): TestFolder {
  const entries = Object.entries(
    unzipSync(readFileSync(new URL(`../oracles/onnx/${name}.zip`, import.meta.url))),
  )
  const expected: TestFolder['expected'] = JSON.parse(
    new TextDecoder().decode(entries.find(([path]) => path === 'expected.json')?.[1]),
  )
  return {
    expected,
    files: new Map(
      entries.flatMap(([path, bytes]) =>
        path === 'expected.json' ? [] : [[path, sourceFromBytes(path, bytes)]],
      ),
    ),
  }
}

export const need = ({ files }: TestFolder, path: string): ByteSource => {
  const file = files.get(path)
  if (file === undefined) throw new Error(`The folder has no ${path}.`)
  return file
}

export const readWhole = (source: ByteSource): Promise<Uint8Array> => source.read(0, source.size)

/** The graph's header and decoder; throws the sentence if it is refused. */
export async function readGraph(
  source: ByteSource,
): Promise<{ header: OnnxHeader; decoder: ForeignDecoder }> {
  const read = await readOnnxHeader(source)
  if (read.kind === 'refused') throw new Error(read.sentence)
  const described = describeForeignDecoder(read.header)
  if (!described.ok) throw new Error(described.sentence)
  return { header: read.header, decoder: described.decoder }
}
