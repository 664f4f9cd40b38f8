// Knows: how the stored replies of a project's file are read: a line that is not readable is counted and left out, because a reply that is
// missing is only generated again.
// Must not know: storage.
import { readId } from '../../src/domain/id.ts'
import type { SavedCall } from '../../src/storage/calls.ts'
import { callRecord, readRecord } from '../../src/storage/records.ts'
import type { ProjectCheck } from './check-project.ts'

/** Max bytes of a line: a long completion with the log-probabilities of all of its tokens. */
const LINE_LIMIT = 16_000_000
const LINE_END = 10

/** Replies of some lines, and how many other lines had none that can be used. */
export interface CallsRead {
  readonly calls: readonly SavedCall[]
  readonly unreadable: number
}

/** Reads the entry in groups of lines. `check` has all records of the project: a reply that none of them uses is unreadable too. */
export async function* readCalls(
  chunks: AsyncIterable<Uint8Array>,
  check: Pick<ProjectCheck, 'has'>,
): AsyncGenerator<CallsRead> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const lines of byteLines(chunks)) {
    const calls = lines.flatMap((line) => {
      if (line === undefined) return []
      const read = readRecord(callRecord, parseLine(line, decoder))
      if (!read.ok) return []
      const users = read.record.users.filter((user) => isKnown(user, check))
      return users.length > 0 ? [{ ...read.record, users }] : []
    })
    yield { calls, unreadable: lines.length - calls.length }
  }
}

function isKnown(user: string, check: Pick<ProjectCheck, 'has'>): boolean {
  if (user === 'trial') return true
  const [, student] = /^comparison (.+)$/.exec(user) ?? []
  if (student !== undefined) return readId('student', student) !== undefined && check.has('students', student)
  return readId('run', user) !== undefined && check.has('runs', user)
}

/** Undefined if it is not JSON in UTF-8, which no schema accepts. */
function parseLine(line: Uint8Array, decoder: TextDecoder): unknown {
  try {
    return JSON.parse(decoder.decode(line))
  } catch {
    return undefined
  }
}

/** Lines without their ends, in groups; undefined for one over the limit, which is not kept. Empty lines are left out. */
async function* byteLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly (Uint8Array | undefined)[]> {
  let parts: Uint8Array[] = []
  let length = 0
  const add = (part: Uint8Array): void => {
    length += part.length
    if (length > LINE_LIMIT) parts = []
    else if (part.length > 0) parts.push(part.slice()) // the chunk's memory may be used again
  }
  const end = (): (Uint8Array | undefined)[] => {
    if (length === 0) return []
    const line = length > LINE_LIMIT ? undefined : joined(parts, length)
    parts = []
    length = 0
    return [line]
  }
  for await (const chunk of chunks) {
    const lines: (Uint8Array | undefined)[] = []
    let from = 0
    for (let to = chunk.indexOf(LINE_END); to >= 0; to = chunk.indexOf(LINE_END, from)) {
      add(chunk.subarray(from, to))
      lines.push(...end())
      from = to + 1
    }
    add(chunk.subarray(from))
    yield lines
  }
  yield end()
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
