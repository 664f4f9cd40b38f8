// Knows: a journal in memory, in place of the stored one.
import type { Reply } from '../../../src/domain/reply.ts'
import type { Journal } from '../../../src/actions/executing/ports.ts'

export class MemoryJournal implements Journal {
  readonly replies = new Map<string, Reply>()
  readonly failed = new AbortController().signal

  read = async (keys: readonly string[]): Promise<ReadonlyMap<string, Reply>> =>
    new Map(
      keys.flatMap((key) => {
        const reply = this.replies.get(key)
        return reply === undefined ? [] : [[key, reply] as const]
      }),
    )

  record = (key: string, reply: Reply): void => void this.replies.set(key, reply)

  drain = async (): Promise<void> => undefined
}
