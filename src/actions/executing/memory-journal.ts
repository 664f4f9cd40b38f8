// Knows: a journal in memory, for work that is not stored.
import type { Reply } from '../../domain/reply.ts'
import type { Journal } from './ports.ts'

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
