// Knows: how the bytes of a JSONL entry become lines, in chunks and within a limit.
import { BadFile } from './bad-file.ts'
import { shorten } from './read-zip.ts'

/** Max characters of a line: the longest record is a student with a very long loss curve. */
const LINE_LIMIT = 64_000_000

/** The lines of an entry in groups, without line ends. Throws `BadFile` on bytes that are not UTF-8 and on a line over the limit. */
export async function* readLines(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch {
      throw new BadFile(`${shorten(name)} is not UTF-8 text`)
    }
  }
  let rest: string[] = []
  let length = 0
  for await (const chunk of chunks) {
    const parts = decode(chunk).split('\n')
    const open = parts.pop() ?? ''
    if (parts.length > 0) {
      parts[0] = rest.join('') + (parts[0] ?? '')
      rest = []
      length = 0
      yield parts
    }
    rest.push(open)
    length += open.length
    if (length > LINE_LIMIT) throw new BadFile(`${shorten(name)} has a line that is too long`)
  }
  const last = rest.join('') + decode(undefined)
  if (last !== '') yield [last]
}
